"""Batch jobs over folders and buckets of pictures on Apache Beam: `python -m stylegan_serving.batch --help`.

    files       finding, reading and writing files, local or in buckets
    records     what travels through the pipeline, receipts, and when a picture is finished
    backends    what runs a model: in this process, or a server
    tasks       stylise, score, correct
    runs        one run: checks, pipeline, report
    pipeline    the Beam transforms
    summary     counts, the histogram of anomaly scores, Prometheus metrics
    options     which arguments are ours and which are Beam's

Importing this package imports neither Beam nor TensorFlow.
"""
