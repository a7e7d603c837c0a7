"""Build entry point: metadata stands in setup.cfg, the two package roots here."""

from setuptools import find_packages, setup

setup(
    packages=find_packages('.', include=['stylegan_tf', 'stylegan_tf.*'])
    + find_packages('serving', include=['stylegan_serving', 'stylegan_serving.*']),
    package_dir={'stylegan_tf': 'stylegan_tf', 'stylegan_serving': 'serving/stylegan_serving'},
)
