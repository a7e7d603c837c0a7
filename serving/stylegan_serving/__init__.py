"""Running stylegan_tf models as a service: clients, servers and batch jobs over its SavedModels.

Importing this package imports no TensorFlow. `serving/README.md` describes the contract.
"""

__version__ = '0.1.0'
