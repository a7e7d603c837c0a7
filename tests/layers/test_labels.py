import numpy as np
import pytest

from stylegan_tf.layers.labels import LabelEmbedding, label_projection


def test_each_label_has_its_row_and_none_has_zeros():
    layer = LabelEmbedding(3, 4, name='embedding')
    y = layer(np.array([2, -1, 0]))
    rows = layer.embedding.numpy()
    np.testing.assert_array_equal(y, [rows[2], np.zeros(4), rows[0]])
    assert LabelEmbedding.from_config(layer.get_config()).num_labels == 3
    with pytest.raises(ValueError, match='at least 1 label'):
        LabelEmbedding(0, 4)


def test_projection_by_hand():
    embedding = np.array([[1, 2, 3, 4]], np.float32)
    assert np.array(label_projection(np.ones((1, 4), 'f'), embedding)).tolist() == [[5.0]]
    maps = np.arange(8, dtype=np.float32).reshape(1, 1, 2, 4)
    expected = [[[[(0 + 2 + 6 + 12) / 2], [(4 + 10 + 18 + 28) / 2]]]]
    np.testing.assert_array_equal(label_projection(maps, embedding), expected)
