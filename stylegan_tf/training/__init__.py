"""Training: the loop, its engine, checkpoints, run folder and report.

Knows the System protocol (`stylegan_tf.systems.system`), never one system in particular.
"""
