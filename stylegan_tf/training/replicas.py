"""The TensorFlow engine on several replicas: the same step, each on its slice of the batch."""

from __future__ import annotations

import tensorflow as tf

from stylegan_tf.data.pipeline import to_tensors
from stylegan_tf.training import tensorflow_engine


class ReplicatedEngine(tensorflow_engine.Engine):
    """Runs a System's training steps under a tf.distribute strategy.

    Gradients, logs and running statistics are averaged over the replicas before anything is assigned, so all copies
    of a variable stay the same.

    Args:
        system: The System, built in the strategy's scope.
        stream: As for `tensorflow_engine.Engine`; each process takes its slice of every batch by arithmetic.
        placement: `strategy.Placement` with a strategy.
        batch_size: Global batch, images; a multiple of the replicas.
        seed: Seed of the run's noise.
        use_xla: Compiles losses and gradients with XLA. A TPU compiles the whole step itself.
        company: `workers.Company` where several processes train together.
    """

    def __init__(self, system, stream, placement, *, batch_size: int, seed: int, use_xla: bool = False, company=None):
        on_tpu = placement.kind == 'tpu'
        super().__init__(system, stream, batch_size=batch_size, seed=seed, use_xla=use_xla or on_tpu)
        system.use_xla = use_xla and not on_tpu
        system.mean_over_replicas, system.replica_count = mean_over_replicas, placement.replicas
        self.placement, self.company = placement, company
        for optimizer in system.optimizers_by_name.values():
            take_averaged_gradients(optimizer)

    def restored(self) -> None:
        """Tells the engine that the system's state was replaced: the other workers get it too."""
        self.restart()
        if self.company is not None:
            self.company.share()

    def restart(self) -> None:
        """Restarts the feed of this process where the system's state stands."""
        super().restored()

    def _feed(self):
        return to_tensors(self.stream, start=self._step * self.batch_size, batch_size=self.batch_size,
                          shard=self.placement.shard)

    def _compile(self, due):
        system, strategy = self.system, self.placement.strategy

        def replica_step(batch):
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            return system.train_step(batch, due=due, replica=replica)

        @tf.function(autograph=False)
        def step(batch):
            logs = strategy.run(replica_step, args=(batch,))
            return {name: strategy.experimental_local_results(value)[0] for name, value in logs.items()}

        return step

    def _next_batch(self):
        batch, count = super()._next_batch(), self.placement.local_replicas
        size = self.batch_size // self.placement.replicas

        def of_replica(context):
            begin = context.replica_id_in_sync_group % count * size
            return {name: value[begin:begin + size] for name, value in batch.items()}

        return self.placement.strategy.experimental_distribute_values_from_function(of_replica)


def mean_over_replicas(values):
    """Averages a structure of float tensors over the replicas; called on each of them."""
    values = tf.nest.map_structure(tf.identity, values)  # on the replica's device, which collectives ask for
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, values)


def take_averaged_gradients(optimizer) -> None:
    """Keeps a Keras optimizer from adding up gradients over replicas, which `mean_over_replicas` has averaged.

    Keras clips each replica's gradients before it adds them, and looks for overflows in one replica's: both need the
    average.

    Raises:
        RuntimeError: This version of Keras adds them up elsewhere.
    """
    innermost = getattr(optimizer, 'inner_optimizer', optimizer)
    if not hasattr(innermost, '_all_reduce_sum_gradients'):
        raise RuntimeError('This version of Keras is not known to train on several replicas. Use Keras 3.10 to 3.15.')
    innermost._all_reduce_sum_gradients = lambda gradients_and_variables: gradients_and_variables
