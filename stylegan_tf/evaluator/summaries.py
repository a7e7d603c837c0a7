"""From rows of pairs to means with intervals, and whether an entry beats the two baselines."""

import functools

from stylegan_tf.evaluator import names, realism
from stylegan_tf.evaluator.evaluator import BASELINES
from stylegan_tf.metrics.bootstrap import bootstrap_interval


def one_thread():
    """Context in which linear algebra runs on one thread: sums then do not depend on the number of cores."""
    return _controller().limit(limits=1, user_api='blas')


def mean(values, *, seed=0):
    """{'mean', 'low', 'high'} of numbers; those that are None do not count."""
    known = [value for value in values if value is not None]
    low, high = bootstrap_interval(known, seed=seed) or (None, None) if known else (None, None)
    return {'mean': sum(known) / len(known) if known else None, 'low': low, 'high': high}


def summary(evaluation, rows, descriptions):
    """What `Entry.summary` returns, of rows in the pairs' order and {pair: {network: (windows, moments)}}."""
    indices = [row['pair'] for row in rows]
    references = {index: evaluation.reference(index) for index in indices}
    metrics, per_pair, baselines = {}, {}, {kind: {} for kind in BASELINES}
    classified = functools.cache(functools.partial(_classified, evaluation, indices, descriptions, references))
    for name, described in evaluation.described.items():
        if described['level'] == 'pair':
            found = mean([row['metrics'][name] for row in rows], seed=evaluation.seed)
            for kind in BASELINES:
                values = [references[index][kind].get(name) for index in indices]
                baselines[kind][name] = mean(values, seed=evaluation.seed)
        else:
            found, values = _set_metric(name, evaluation, indices, descriptions, classified)
            if values is not None:
                per_pair[name] = {str(index): value for index, value in zip(indices, values, strict=True)}
        metrics[name] = {**found, 'better': described['better'], 'level': described['level']}
    score = names.DEFAULT_SCORE if names.DEFAULT_SCORE in metrics else evaluation.metrics[0]
    return {'n': len(rows), 'score': score, 'metrics': metrics, 'per_pair': per_pair, 'baselines': baselines,
            'guards': {kind: {'is_beaten': _beats(metrics[score], baselines[kind].get(score)), 'metric': score}
                       for kind in BASELINES},
            'flags': [{**flag, 'pair': row['pair']} for row in rows for flag in row['flags']],
            'conditions': {**evaluation.conditions, 'n': len(rows)}}


def _classified(evaluation, indices, descriptions, references, network):
    """`realism.held_out_probabilities` of the rows, which two metrics ask for."""
    reals = {references[index]['style']: evaluation._references.description(index, 'style', network)[0]
             for index in indices}
    fakes = [(references[index]['style'], descriptions[index][network][0]) for index in indices]
    return realism.held_out_probabilities(reals, fakes, seed=evaluation.seed)


def _set_metric(name, evaluation, indices, descriptions, classified):
    """({'mean', 'low', 'high'}, values of the pairs or None) of a metric that needs all pairs."""
    base, _, network = name.partition('@')
    nothing = {'mean': None, 'low': None, 'high': None}
    if base == 'diversity':
        found = realism.diversity([descriptions[index][network][1] for index in indices],
                                  [evaluation._references.description(index, 'style', network)[1]
                                   for index in indices], seed=evaluation.seed)
        return (_interval(*found) if found else nothing), None
    found = classified(network)
    if found is None:
        return nothing, None
    if base == 'realism':
        return _interval(*realism.realism(found[1], seed=evaluation.seed)), found[1]
    return _interval(*realism.balanced_accuracy(list(found[0].values()), found[1], seed=evaluation.seed)), None


def _interval(value, interval):
    low, high = interval or (None, None)
    return {'mean': value, 'low': low, 'high': high}


def _beats(ours, theirs):
    """Whether the intervals do not overlap, ours on the better side; False where one is missing."""
    if not theirs or ours['low'] is None or theirs['low'] is None:
        return False
    return ours['low'] > theirs['high'] if ours['better'] == 'higher' else ours['high'] < theirs['low']


@functools.cache
def _controller():
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
