"""A running server with every kind of model, and pictures."""

import pathlib
import shutil
import types

import numpy as np
import pytest

from stylegan_serving import client
from stylegan_tf import images
from tests import tiny_models

CONFIG = '''model_config_list {{
  config {{ name: "pair" base_path: "{0}/pair" model_platform: "tensorflow"
           model_version_policy {{ specific {{ versions: 1 versions: 2 }} }} }}
  config {{ name: "image" base_path: "{0}/image" model_platform: "tensorflow" }}
  config {{ name: "style" base_path: "{0}/style" model_platform: "tensorflow" }}
  config {{ name: "critic" base_path: "{0}/critic" model_platform: "tensorflow" }}
}}
'''


@pytest.fixture(scope='session')
def served_models(golden_models, tmp_path_factory):
    """Folder of pair/{1,2}, image/1, style/1 (a tiny style-transfer export) and critic/1."""
    from tests.serving.client import critic_model

    folder = tmp_path_factory.mktemp('served')
    for name in ('pair', 'image'):
        (folder / name).symlink_to(golden_models / name)
    shutil.copytree(tiny_models.exported() / '1', folder / 'style' / '1')
    critic_model.export(folder / 'critic' / '1')
    return folder


@pytest.fixture(scope='session')
def server(served_models, local_server, tmp_path_factory):
    """A local server of all those models."""
    config = tmp_path_factory.mktemp('config') / 'models.config'
    config.write_text(CONFIG.format(served_models))
    with local_server(f'--model_config_file={config}') as process:
        yield process


@pytest.fixture(scope='session', params=['grpc', 'rest'])
def address(request, server):
    """The same server's address, gRPC and REST in turn."""
    return f'grpc://{server.grpc}' if request.param == 'grpc' else server.rest


@pytest.fixture
def connect(address):
    """Function that makes a client of a model over either transport; all are closed at the end."""
    clients = []

    def make(model, **options):
        clients.append(client.connect(address, model=model, **options))
        return clients[-1]

    yield make
    for made in clients:
        made.close()


@pytest.fixture(scope='session')
def pictures(tmp_path_factory):
    """Paths: photo.jpg, tall.png, painting.png, turned.jpg (EXIF: photo.jpg on its side), broken.jpg."""
    folder = tmp_path_factory.mktemp('pictures')
    for name, height, width, seed in (('photo.jpg', 40, 56, 1), ('tall.png', 64, 32, 2), ('painting.png', 36, 36, 3)):
        images.save(folder / name, tiny_models.picture(height, width, seed))
    write_turned(folder / 'turned.jpg', tiny_models.picture(40, 56, 1))
    (folder / 'broken.jpg').write_bytes((folder / 'photo.jpg').read_bytes()[:-200])
    return types.SimpleNamespace(**{path.stem: path for path in folder.iterdir()})


def write_turned(path, pixels):
    """Saves a picture lying on its side, with the EXIF orientation that sets it upright."""
    from PIL import ExifTags, Image

    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # to be turned 90 degrees clockwise
    lying = Image.fromarray(np.ascontiguousarray(np.rot90(pixels)))
    lying.save(pathlib.Path(path), exif=exif, quality=95, subsampling=0)
