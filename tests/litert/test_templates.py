"""Templates: which constants leave a model, and that the same model comes back."""

import numpy as np
import pytest

from stylegan_tf.litert import runtime, templates
from stylegan_tf.litert.runtime import LiteRTError
from tests import tiny_models


@pytest.fixture(scope='module')
def whole():
    return (tiny_models.exported_litert() / '1' / 'model.tflite').read_bytes()


@pytest.fixture(scope='module')
def arrays():
    from stylegan_tf.training import checkpoints
    return checkpoints.find(tiny_models.run_folder()).arrays


@pytest.fixture(scope='module')
def template(whole, arrays):
    return templates.cut(whole, arrays, facts={'a': 1})


def test_weights_leave_and_come_back(whole, arrays, template, tmp_path):
    held = sum(constant.size for constant in template.constants)
    assert held > 0.5 * len(whole)
    assert any(constant.is_power for constant in template.constants), 'demodulation needs squared kernels'
    assert 'generator_ema/up_0/convolution/kernel' in template.sources
    (tmp_path / 'graph.zip').write_bytes(template.to_bytes())
    again = templates.read(tmp_path / 'graph.zip')
    assert again == template and again.facts == {'a': 1}
    filled = again.fill(arrays)
    assert len(filled) == len(whole)
    before, after = (np.frombuffer(data[:len(data) // 4 * 4], '<f4') for data in (whole, filled))
    for constant in template.constants:
        where = slice(constant.offset // 4, (constant.offset + constant.size) // 4)
        np.testing.assert_allclose(after[where], before[where], rtol=2e-6, atol=1e-7)


def test_other_weights_change_the_model(arrays, template):
    code = np.zeros((1, 32), np.float32)
    content = np.full((1, 32, 32, 3), 0.3, np.float32)
    painted = []
    for factor in (1, 2):
        filled = template.fill({name: np.asarray(array) * factor for name, array in arrays.items()})
        network = runtime.Runtime(filled)
        statistics = network.run('content_statistics', content=content)['statistics']
        painted.append(network.run('paint', content=content, code=code, statistics=statistics)['painted'])
    assert np.abs(painted[0] - painted[1]).max() > 1e-5


def test_weights_that_do_not_fit_are_refused(arrays, template):
    name = template.sources[0]
    with pytest.raises(LiteRTError, match=rf'does not fit these weights: {name}'):
        template.fill({key: array for key, array in arrays.items() if key != name})
    with pytest.raises(LiteRTError, match='bytes instead of'):
        template.fill({**arrays, name: np.zeros((3, 3, 1, 1), np.float32)})


def test_a_constant_is_scaled_and_turned():
    kernel = np.arange(2 * 2 * 3 * 5, dtype=np.float32).reshape(2, 2, 3, 5)
    constant = templates.Constant(0, kernel.nbytes, 'k', False, (3, 0, 1, 2), 0.5)
    np.testing.assert_array_equal(constant.value(kernel), 0.5 * kernel.transpose(3, 0, 1, 2))
    power = templates.Constant(0, 60, 'k', True, (1, 0), 2.0)
    np.testing.assert_allclose(power.value(kernel), 2 * (kernel ** 2).sum((0, 1)).T)


def test_damaged_templates_are_said(template, tmp_path, monkeypatch):
    path = tmp_path / 'graph.zip'
    with pytest.raises(LiteRTError, match=r'graph\.zip is missing or damaged'):
        templates.read(path)
    path.write_bytes(template.to_bytes()[:-200])
    with pytest.raises(LiteRTError, match=r'missing or damaged'):
        templates.read(path)
    with monkeypatch.context() as newer:
        newer.setattr(templates, 'FORMAT', 7)
        path.write_bytes(template.to_bytes())
    with pytest.raises(LiteRTError, match='has format 7; this version reads 1'):
        templates.read(path)
