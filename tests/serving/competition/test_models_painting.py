"""Models of participants, painted in the sandbox from archive to pictures; and what a hostile one leaves behind."""

import os
import shutil

import pytest

from stylegan_serving.competition import archives, bundle, model_check, sandbox, scoring
from stylegan_tf import images
from tests.serving.competition import contest_builder, picture_contest

needs_sandbox = pytest.mark.skipif(not shutil.which(sandbox.PROGRAM), reason='bubblewrap is not installed')


def make_scorer(**options):
    """The scorer of a contest of two pairs that takes models."""
    made = contest_builder.make_bundle(
        models='on', size=picture_contest.SIZE, metrics=picture_contest.METRICS,
        pairs=tuple(bundle.Pair(index, f'c{index}.png', f's{index}.png', 'public') for index in range(2)))
    return scoring.ContestScorer(made, lambda path: images.encode(
        picture_contest.pixels(int(path[-5]) + (100 if path.startswith('style') else 0))), **options)


def packed_model(folder, paint):
    """A zip of a SavedModel that decodes both pictures, calls `paint` and encodes; written below `folder`."""
    import tensorflow as tf

    module = tf.Module()

    def one(row):
        pixels = [tf.cast(tf.ensure_shape(tf.image.decode_image(data, expand_animations=False), [None, None, 3]),
                          tf.float32) for data in (row[0], row[1])]
        painted = tf.ensure_shape(paint(*pixels), [None, None, 3])
        return tf.io.encode_png(tf.cast(tf.clip_by_value(painted, 0.0, 255.0), tf.uint8))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, 'content_bytes'),
                                  tf.TensorSpec([None], tf.string, 'style_bytes'),
                                  tf.TensorSpec([None], tf.float32, 'strength')])
    def serve(content_bytes, style_bytes, strength):
        del strength
        return {'stylized_bytes': tf.map_fn(one, tf.stack([content_bytes, style_bytes], 1),
                                            fn_output_signature=tf.string)}

    module.serve = serve
    tf.saved_model.save(module, str(folder / 'model'), signatures={'serving_default': serve})
    return shutil.make_archive(str(folder / 'model'), 'zip', folder, 'model')


@needs_sandbox
@pytest.mark.slow
def test_a_model_paints_every_pair_behind_walls(tmp_path):
    archive = packed_model(tmp_path, lambda content, style: 255.0 - content)
    scorer, notes = make_scorer(), []
    results = scorer.unpack(archive, tmp_path / 'pictures', 'model', log=notes.append)
    for number, path in results.pictures.items():
        assert (images.read(path) == 255 - picture_contest.pixels(number)).all()
    assert 'all allowed' in notes[0] and 'the model ran' in notes[1]
    assert len(scorer.score(results.pictures).rows) == 2


@needs_sandbox
@pytest.mark.slow
def test_a_model_that_never_ends_is_stopped_and_told(tmp_path):
    import tensorflow as tf

    archive = packed_model(tmp_path, lambda content, style: tf.while_loop(
        lambda pixels: tf.reduce_mean(pixels) > -1, lambda pixels: [tf.abs(pixels) + 1.0], [content])[0])
    scorer = make_scorer(model_limits=sandbox.Limits(seconds=40, cpu_seconds=15))
    with pytest.raises(scoring.EntryError, match=r'Your model was stopped: it (used|took) more than'):
        scorer.unpack(archive, tmp_path / 'pictures', 'model')


@needs_sandbox
@pytest.mark.slow
def test_pictures_of_the_wrong_size_and_files_are_told(tmp_path):
    import tensorflow as tf

    (tmp_path / 'small').mkdir()
    archive = packed_model(tmp_path / 'small', lambda content, style: content[:5])
    with pytest.raises(archives.ArchiveError, match=r'000\.png: is 32x5 pixels \(width x height\)\. Expected 32x24'):
        make_scorer().unpack(archive, tmp_path / 'pictures', 'model')
    (tmp_path / 'nosy').mkdir()
    archive = packed_model(tmp_path / 'nosy', lambda content, style: content + tf.cast(
        tf.strings.length(tf.io.read_file('/etc/passwd')), tf.float32))
    with pytest.raises(model_check.ModelRefused, match='ReadFile'):
        make_scorer().unpack(archive, tmp_path / 'other', 'model')


def test_links_pipes_and_folders_instead_of_pictures(tmp_path):
    output = tmp_path / 'output'
    output.mkdir()
    secret = tmp_path / 'secret.png'
    images.save(secret, picture_contest.pixels(0))
    (output / '000.png').symlink_to(secret)
    os.mkfifo(output / '001.png')
    (output / '002.png').mkdir()
    pairs = [archives.Pair(number, 'c.png', 's.png', 24, 32) for number in range(4)]
    with pytest.raises(archives.ArchiveError) as raised:
        scoring.taken_pictures(pairs, output, tmp_path / 'taken')
    assert len(raised.value.problems) == 4
    assert not (tmp_path / 'taken' / '000.png').exists()


def test_where_no_sandbox_works_no_model_runs(tmp_path, monkeypatch):
    def refuse():
        raise sandbox.SandboxUnavailable('no walls')
    monkeypatch.setattr(sandbox, 'check', refuse)
    with pytest.raises(sandbox.SandboxUnavailable):
        make_scorer().unpack(tmp_path / 'none.zip', tmp_path / 'pictures', 'model')
