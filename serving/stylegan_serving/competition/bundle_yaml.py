"""A bundle in its own words: `bundle.Bundle` -> `competition.yaml`, `pairs.csv` and the Markdown files."""

import csv
import datetime
import io

import yaml

_FAR_FUTURE = 4_102_444_800.0


def files_of(bundle):
    """The text files of a bundle: dict name -> str; with the pictures they are a bundle again."""
    files = {'competition.yaml': yaml.safe_dump(_top(bundle), sort_keys=False, allow_unicode=True, width=100),
             'pairs.csv': _pairs(bundle)}
    for name in ('description', 'rules'):
        for language, text in getattr(bundle, name).items():
            files[f'{name}.md' if language == 'en' else f'{name}.{language}.md'] = text
    return files


def _top(bundle):
    top = {'version': bundle.version, 'slug': bundle.slug, 'title': bundle.title}
    top |= {name: f'{name}.md' for name in ('description', 'rules') if getattr(bundle, name)}
    return top | {
        'images': {'content': f'{bundle.content_folder}/', 'style': f'{bundle.style_folder}/'},
        'pairs': 'pairs.csv', 'private_share': bundle.private_share, 'split_seed': bundle.split_seed,
        'size': bundle.size,
        'submission': {'kind': bundle.kind, 'maximum_megabytes': bundle.maximum_megabytes, 'models': bundle.models},
        'phases': [_phase(phase) for phase in bundle.phases],
        'metrics': [{'name': metric.name, 'weight': metric.weight, 'better': metric.better}
                    for metric in bundle.metrics],
        'ranking': bundle.ranking, 'teams': {'maximum_members': bundle.maximum_members},
        'voting': {'enabled': bundle.voting, 'per_user_per_hour': bundle.votes_per_hour}}


def _phase(phase):
    row = {'name': phase.name} | ({'title': phase.title} if phase.title else {})
    quota = phase.quota
    return row | {
        'start': _time(phase.start), 'end': _time(phase.end),
        'quota': {'per_day': quota.per_day, 'total': quota.total, 'concurrent': quota.concurrent},
        'board': phase.board, 'final_selection': phase.final_selection, 'chosen_limit': phase.chosen_limit}


def _time(seconds):
    if seconds in (0.0, _FAR_FUTURE):
        return None
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat().replace('+00:00', 'Z')


def _pairs(bundle):
    text = io.StringIO(newline='')
    table = csv.writer(text, lineterminator='\n')
    table.writerow(('content', 'style', 'split'))
    table.writerows((pair.content, pair.style, pair.split) for pair in bundle.pairs)
    return text.getvalue()
