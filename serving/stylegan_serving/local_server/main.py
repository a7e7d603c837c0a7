"""A TensorFlow-Serving-compatible server for laptops, tests and the quick start.

    python -m stylegan_serving.local_server --model_name=first --model_base_path=$PWD/models/first --rest_api_port=8501

Takes the flags of tensorflow_model_server and answers the same gRPC and REST requests.
"""

import os
import sys

from absl import flags

from stylegan_tf import commands

_HOST = flags.DEFINE_string('host', '127.0.0.1', 'Address to listen on; 0.0.0.0 for all.')
_PORT = flags.DEFINE_integer('port', 8500, 'gRPC port; 0 takes a free one and prints it.')
_REST_PORT = flags.DEFINE_integer('rest_api_port', 0, 'REST port; 0 for no REST.')
_NAME = flags.DEFINE_string('model_name', 'default', 'Name of the model at --model_base_path.')
_BASE_PATH = flags.DEFINE_string('model_base_path', None, "Folder of the model's versions.")


def main():
    """Reads the flags and serves; returns the exit code."""
    from stylegan_serving.local_server import configuration
    if not _BASE_PATH.value:
        raise commands.UsageError('Expected --model_base_path. Received: none.')
    commands.import_tensorflow()
    import asyncio

    import tensorflow as tf
    from tensorflow_serving.config import model_server_config_pb2

    from stylegan_serving.local_server import server
    tf.get_logger().setLevel('ERROR')  # the loader of v1 graphs calls itself deprecated
    models = model_server_config_pb2.ModelServerConfig()
    models.model_config_list.config.add(
        name=_NAME.value, base_path=os.path.abspath(_BASE_PATH.value), model_platform='tensorflow')
    settings = configuration.Settings(
        models, host=_HOST.value, port=_PORT.value, rest_port=_REST_PORT.value)
    code = asyncio.run(server.Server(settings).run())
    sys.stdout.flush()
    return code
