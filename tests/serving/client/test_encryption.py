"""grpcs:// and https:// with an authority of one's own."""

import shutil
import ssl
import subprocess
from concurrent import futures

import grpc
import pytest
from tensorflow_serving.apis import get_model_status_pb2, model_service_pb2_grpc

from stylegan_serving import client
from stylegan_serving.client import retries
from tests.serving.client.scripted_server import ScriptedServer, response


@pytest.fixture(scope='module')
def certificate(tmp_path_factory):
    """Paths (certificate, key) of a server called localhost that signed itself."""
    if not shutil.which('openssl'):
        pytest.skip('openssl is not installed')
    folder = tmp_path_factory.mktemp('certificate')
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
                    '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-days', '2',
                    '-keyout', folder / 'key.pem', '-out', folder / 'certificate.pem'], check=True, capture_output=True)
    return folder / 'certificate.pem', folder / 'key.pem'


def check(address, ca_file):
    options = {'model': 'pair', 'retries': retries.NO_RETRIES}
    with client.connect(address, ca_file=ca_file, **options) as plain:
        assert plain.status()[0].version == 2
    with client.connect(address, **options) as strict, pytest.raises(client.ServerError, match='UNAVAILABLE'):
        strict.status()
    with pytest.raises(client.InputError, match=r'absent\.pem cannot be'):
        client.connect(address, ca_file='absent.pem')


def test_https(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    answer = response({'model_version_status': [{'version': '2', 'state': 'AVAILABLE', 'status': {}}]})
    with ScriptedServer(answer, tls=context) as server:
        check(server.url, certificate[0])


def test_grpcs(certificate, free_port):
    class Models(model_service_pb2_grpc.ModelServiceServicer):
        def GetModelStatus(self, request, context):  # noqa: N802
            return get_model_status_pb2.GetModelStatusResponse(model_version_status=[{'version': 2, 'state': 30}])

    server, port = grpc.server(futures.ThreadPoolExecutor(2)), free_port()
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(Models(), server)
    key, chain = certificate[1].read_bytes(), certificate[0].read_bytes()
    server.add_secure_port(f'localhost:{port}', grpc.ssl_server_credentials([(key, chain)]))
    server.start()
    try:
        check(f'grpcs://localhost:{port}', certificate[0])
    finally:
        server.stop(None)
