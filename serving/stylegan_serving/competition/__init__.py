"""A style-transfer contest on one machine or many: web, workers and one database.

    python -m stylegan_serving.competition serve --demo

`records` are the rows, `store` keeps them, `storage` keeps the files, `rules` and `ranking` decide without looking
anywhere, `score_log` proves what was decided. The web and the commands import no TensorFlow; a worker's scoring does.
docs/competition.md is the guide.
"""
