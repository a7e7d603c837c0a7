"""Where a training runs: on one device, on several of this machine, on several machines, on a TPU.

The batch size is the global one: each of N replicas computes the gradients of its N-th of the batch, and the weights
change by their mean, so that N replicas train what one would. `choose` comes before anything else that TensorFlow does.
"""

import contextlib
import dataclasses
import json
import os

STRATEGIES = ('auto', 'one_device', 'mirrored', 'multi_worker', 'tpu')


class StrategyError(ValueError):
    """A strategy cannot be used here; the message is one line that says what can."""


@dataclasses.dataclass(frozen=True)
class Placement:
    """Where a training runs.

    Attributes:
        kind: 'one_device', 'mirrored', 'multi_worker' or 'tpu'.
        strategy: tf.distribute.Strategy; None on one device.
        worker: This process among the workers; 0 is the chief, which alone writes the run folder.
        workers: Number of processes that train together.
        replicas: Number of devices that train together, over all workers.
        why: What it was chosen for, in words.
    """

    kind: str
    strategy: object = None
    worker: int = 0
    workers: int = 1
    replicas: int = 1
    why: str = ''

    @property
    def is_chief(self) -> bool:
        return self.worker == 0

    @property
    def shard(self) -> tuple[int, int]:
        """(r, n): this process takes the r-th of n equal slices of every batch."""
        return self.worker, self.workers

    @property
    def local_replicas(self) -> int:
        """Devices of this process."""
        return self.replicas // self.workers

    def scope(self):
        """What variables are made in."""
        return self.strategy.scope() if self.strategy else contextlib.nullcontext()

    def images_at_once(self, config) -> int:
        """Images that a device holds at a time.

        Raises:
            StrategyError: The batch cannot be divided among the replicas.
        """
        parts = self.replicas * config.accumulation_steps
        if config.batch_size % parts:
            accumulated = '' if config.accumulation_steps == 1 else f' x {config.accumulation_steps} accumulation_steps'
            raise StrategyError(
                f"Setting 'batch_size', which is that of all replicas together, must be a multiple of {parts} "
                f'({self.replicas} replicas{accumulated}). Received: {config.batch_size}. Try '
                f'--set=batch_size={-(-config.batch_size // parts) * parts}.')
        return config.batch_size // parts

    def line(self) -> str:
        """What a training says of it at its start."""
        share = f' in {self.workers} workers, this is worker {self.worker}' if self.workers > 1 else ''
        count = f': {self.replicas} replicas{share}' if self.strategy else ''
        return f'strategy {self.kind}{count}' + (f' ({self.why})' if self.why else '')


ONE_DEVICE = Placement('one_device')


def choose(name: str) -> Placement:
    """The placement that --strategy=NAME means on this machine.

    Args:
        name: One of STRATEGIES. 'auto' is 'multi_worker' where TF_CONFIG names several workers, 'tpu' where there is a
            TPU, 'mirrored' with several GPUs, else 'one_device'.
    Returns:
        Placement. With several workers, it returns once all of them have come.
    Raises:
        StrategyError: There is not what the strategy needs.
    """
    makers = {'one_device': _one_device, 'mirrored': _mirrored, 'multi_worker': _multi_worker, 'tpu': _tpu}
    why = ''
    if name == 'auto':
        name, why = _recognised()
    return dataclasses.replace(makers[name](), why=why)


def gpus_of(name: str) -> int:
    """How many GPUs of this machine --strategy=NAME trains on, at least 1; starts nothing."""
    import tensorflow as tf

    return max(1, len(tf.config.list_physical_devices('GPU'))) if name in ('auto', 'mirrored') else 1


def _recognised():
    import tensorflow as tf

    if len(_cluster_workers(_read_tf_config())) > 1:
        return 'multi_worker', 'TF_CONFIG names several workers'
    if os.environ.get('TPU_NAME') or os.environ.get('COLAB_TPU_ADDR') or tf.config.list_physical_devices('TPU'):
        return 'tpu', 'a TPU was found'
    gpus = len(tf.config.list_physical_devices('GPU'))
    if gpus > 1:
        return 'mirrored', f'{gpus} GPUs were found'
    return 'one_device', '1 GPU was found' if gpus else 'no GPU was found'


def _one_device():
    return ONE_DEVICE


def _mirrored():
    import tensorflow as tf

    devices = tf.config.list_logical_devices('GPU') or tf.config.list_logical_devices('CPU')
    if len(devices) < 2:
        found = f'1 {devices[0].device_type}'
        raise StrategyError(f'--strategy=mirrored needs several GPUs on this machine. Found: {found}. '
                            'Use --strategy=one_device.')
    strategy = tf.distribute.MirroredStrategy([device.name for device in devices])
    return Placement('mirrored', strategy, replicas=strategy.num_replicas_in_sync)


def _multi_worker():
    import tensorflow as tf

    settings = _read_tf_config()
    workers = _cluster_workers(settings)
    task = settings.get('task', {})
    if len(workers) < 2 or (task.get('type'), task.get('index')) not in workers:
        raise StrategyError(
            '--strategy=multi_worker needs TF_CONFIG to name at least two workers and this one among them, such as '
            '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type": "worker", "index": 0}}. Received: '
            + (os.environ.get('TF_CONFIG') or 'no TF_CONFIG') + '.')
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    return Placement('multi_worker', strategy, worker=workers.index((task['type'], task['index'])),
                     workers=len(workers), replicas=strategy.num_replicas_in_sync)


def _read_tf_config():
    try:
        settings = json.loads(os.environ.get('TF_CONFIG') or '{}')
    except ValueError as error:
        raise StrategyError(f'TF_CONFIG is not JSON ({error}). Correct it or unset it.') from None
    parts = [settings, *(settings.get(key, {}) for key in ('cluster', 'task') if isinstance(settings, dict))]
    if not all(isinstance(part, dict) for part in parts):
        raise StrategyError('TF_CONFIG must be a JSON object with the objects "cluster" and "task". Correct it or '
                            'unset it.')
    return settings


def _cluster_workers(settings):
    """[(type, index)] of all that train, the chief first."""
    cluster = settings.get('cluster', {})
    return [(kind, index) for kind in ('chief', 'worker') for index in range(len(cluster.get(kind, ())))]


def _tpu():
    # Not run on a TPU: written by TensorFlow's rules for TPUStrategy.
    import tensorflow as tf

    address = os.environ.get('TPU_NAME') or os.environ.get('COLAB_TPU_ADDR') or 'local'
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=address)
        if address != 'local':
            tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        strategy = tf.distribute.TPUStrategy(resolver)
    except (ValueError, RuntimeError, tf.errors.OpError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].partition('. ')[0]
        raise StrategyError(f'--strategy=tpu found no TPU that it can use ({reason}). On a TPU machine install the TPU '
                            'build of TensorFlow; elsewhere use --strategy=one_device.') from error
    return Placement('tpu', strategy, replicas=strategy.num_replicas_in_sync)
