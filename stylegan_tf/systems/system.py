"""System: what a training method is, whoever drives it."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from stylegan_tf.data import SampleStream, hard_examples
from stylegan_tf.layers.gradient import Assignments, as_function, value_and_gradients
from stylegan_tf.systems import accumulation
from stylegan_tf.systems.optimizers import make_optimizer
from stylegan_tf.systems.phases import Phase, PhaseResult, gradient_norms
from stylegan_tf.systems.signature import Signature
from stylegan_tf.systems.variables import named_variables, optimizer_variables

DRAWS_PER_STEP = 256  # upper bound of one generator's random draws within a step


@contextlib.contextmanager
def computing_in(precision: str):
    """Layers that are made within compute in this precision ('mixed_float16', ...); later ones in float32 again."""
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy('float32')


class System(keras.Model):
    """A training method: networks, optimizers, and the phases that join them.

    A subclass's constructor fills `networks`, `twins` and `optimizers_by_name`, sets `phases`, and calls
    `finish()` last. A method IS its phases: `train_step` is shared.

    Attributes:
        config: The frozen Config it was built from.
        roles: Batch keys it wants images for, each float32 [B, H, W, 3] in [-1, 1].
        networks: Name -> trained network.
        twins: Name of a network -> its twin holding the exponential moving average.
        optimizers_by_name: Name -> keras optimizer.
        phases: Tuple of Phase, in their order within a step.
        step: Integer variable: training steps done.
        extra_state: Name -> further variable that checkpoints hold, as 'extra/NAME'. A checkpoint
            without it (an older one) leaves the variable as it is.
        learning_rate_factor: Variable in `extra_state` that every schedule of `make_optimizer` is
            multiplied by; below 1 after a rollback.
        run_seed: Integer all randomness of the run is derived from.
        use_xla: Compiles losses and gradients (not the optimizers) by XLA.
        replica_count: How many replicas share a batch; an engine of several sets it.
        accumulation_steps: Micro-batches that a batch is worked off in; gradients and logs are their mean.
        reference_role: Role whose pictures the outputs of `draw_batch` should be like as a set; '' = no role's.
        noise_size: Normal random numbers that each output of `draw_batch` is drawn from.
        noise_space: What `encode_noise` returns: 'w', where straight lines are ways between outputs, or 'z', where
            arcs are; '' where there are none.
    """

    roles: tuple[str, ...] = ('image',)
    reference_role: str = ''
    noise_size: int = 0
    noise_space: str = ''

    def __init__(self, config):
        super().__init__(name=config.preset or type(self).__name__.lower())
        self.config = config
        self.networks: dict[str, keras.Model] = {}
        self.twins: dict[str, keras.Model] = {}
        self.optimizers_by_name: dict[str, Any] = {}
        self.phases: tuple[Phase, ...] = ()
        self.run_seed = 0
        self.use_xla = False
        self.replica_count = 1
        self.accumulation_steps = getattr(config, 'accumulation_steps', 1)
        self.step = keras.Variable(0, dtype='int32', trainable=False, name='step',
                                   aggregation='only_first_replica')
        self.learning_rate_factor = keras.Variable(
            1.0, dtype='float32', trainable=False, name='learning_rate_factor',
            aggregation='only_first_replica')
        self.extra_state: dict[str, Any] = {'learning_rate_factor': self.learning_rate_factor}

    def make_optimizers(self, *names: str) -> None:
        """Makes the optimizers that the config describes under these names: an attribute each, and all by name."""
        for name in names:
            optimizer = make_optimizer(getattr(self.config, name), name=name, total_steps=self.config.total_steps,
                                       precision=self.config.precision, factor=self.learning_rate_factor)
            setattr(self, name, optimizer)
            self.optimizers_by_name[name] = optimizer

    def finish(self) -> None:
        """Builds optimizers, starts the averages at the weights, finds the random generators."""
        by_optimizer: dict[int, tuple[Any, list]] = {}
        for phase in self.phases:
            optimizer, variables = by_optimizer.setdefault(id(phase.optimizer), (phase.optimizer, []))
            known = {id(variable) for variable in variables}
            variables += [v for v in phase.variables if id(v) not in known]
        for optimizer, variables in by_optimizer.values():
            optimizer.build(variables)
        for name, twin in self.twins.items():
            for average, variable in zip(twin.variables, self.networks[name].variables, strict=True):
                average.assign(variable)
            twin.trainable = False
        self._seed_states = [v for v in self.variables if v.path.endswith('seed_generator_state')]
        # What losses may assign besides: averaged over micro-batches and replicas.
        self._statistics = [v for v in self.variables if not v.trainable and 'float' in str(v.dtype)]
        self.built = True

    def due(self, step: int) -> tuple[str, ...]:
        """Names of the phases that run at a step, decided on the host."""
        return tuple(phase.name for phase in self.phases if phase.is_due(step))

    def train_step(self, batch, due: tuple[str, ...] | None = None, replica=0):
        """Runs the due phases in order and returns their logs.

        Args:
            batch: Dict of tensors: `roles` as float32 [B, H, W, 3] in [-1, 1], 'label' int32 [B].
            due: Names from `due(step)`; None runs every phase that is not lazy and has begun
                at step 0.
            replica: Index of this replica, so that replicas draw different noise.
        Returns:
            Dict of scalars: 'phase/term' for each loss, 'phase/total', the measures, and what
            `gradient_norms` and `after_step` add.
        """
        due = self.due(1) if due is None else due
        self._reseed()
        logs = {}
        for phase in self.phases:
            if phase.name in due:
                for _ in range(phase.repeats):
                    phase_logs, shared = self._run_phase(phase, batch, replica)
                    logs.update(phase_logs)
                shared = self.hand_on(phase.name, shared, replica)
                batch = {**batch, 'shared': {**batch.get('shared', {}), **shared}}
        self._update_averages()
        self.after_step(logs)
        self.step.assign(self.step + 1)
        return logs

    def _run_phase(self, phase: Phase, batch, replica) -> tuple[dict, dict]:
        batches = accumulation.split(batch, self.accumulation_steps)
        compute = functools.partial(self._differentiate, phase)
        if self.use_xla or len(batches) > 1:
            compute = as_function(compute, self.use_xla)
        result = accumulation.mean_of(
            lambda part, index: compute(part, *(ops.convert_to_tensor(n, 'int32') for n in (replica, index))), batches)
        mean = self.mean_over_replicas(result['mean'])
        logs = {**mean['logs'], **gradient_norms(phase, mean['gradients'])}
        phase.optimizer.apply(mean['gradients'], phase.variables)
        for index, value in mean['assigned'].items():
            self._statistics[index].assign(value)
        for state, draws in zip(self._seed_states, result['first'], strict=True):
            state.assign(state + draws)
        return {f'{phase.name}/{name}': value for name, value in logs.items()}, result['joined']

    def _differentiate(self, phase: Phase, batch, replica, part) -> dict:
        """Gradients, logs and what else a phase computes from a (micro-)batch; changes no variable."""
        scaled = getattr(phase.optimizer, 'scale_loss', lambda loss: loss)
        seeds = self._seeds(replica, part)

        def total_loss():
            with Assignments(zip(self._seed_states, seeds, strict=True)) as scope:
                result = phase.losses(batch)
                if not isinstance(result, PhaseResult):
                    result = PhaseResult(result)
                total = sum(result.terms.values())
            draws = [scope.get_current_value(state) - seed for state, seed in zip(self._seed_states, seeds)]
            changed = {id(variable) for variable in scope.variables}
            assigned = {index: scope.get_current_value(variable) for index, variable in enumerate(self._statistics)
                        if id(variable) in changed}
            logs = {**result.terms, **result.measures, 'total': total}
            return scaled(total), (logs, result.shared, draws, assigned)

        _, (logs, shared, draws, assigned), gradients = value_and_gradients(total_loss, phase.variables)
        return {'mean': {'gradients': gradients, 'logs': logs, 'assigned': assigned}, 'joined': shared, 'first': draws}

    def mean_over_replicas(self, values):
        """Averages a structure of tensors over the replicas of a step; an engine of several replaces it."""
        return values

    def _reseed(self) -> None:
        # Nothing random has state: every generator starts a step from (seed, step).
        step = ops.cast(self.step, 'int32')
        for index, state in enumerate(self._seed_states):
            key = (self.run_seed * 1_000_003 + index * 7_919) % (2 ** 30)
            state.assign(ops.cast(ops.stack([key, step * DRAWS_PER_STEP]), state.dtype))

    def _seeds(self, replica, part) -> list:
        # Replicas and micro-batches draw from seeds of their own. The variables, which replicas share, stay the same.
        own = ops.stack([104_729 * replica + 1_299_709 * part, 0])
        return [state.value + ops.cast(own, state.dtype) for state in self._seed_states]

    def _update_averages(self) -> None:
        step = ops.cast(self.step, 'float32')
        warm = (1.0 + step) / (10.0 + step)  # short memory first, so that the start is forgotten
        for name, twin in self.twins.items():
            decay = ops.minimum(self.ema_decay(name), warm)
            for average, variable in zip(twin.variables, self.networks[name].variables, strict=True):
                if 'float' in str(average.dtype):
                    value = ops.cast(variable, 'float32')
                    average.assign(ops.cast(average, 'float32') * decay + value * (1.0 - decay))

    def ema_decay(self, name: str) -> float:
        """Decay of a network's average; 'generator_optimizer' decides unless it has its own."""
        settings = getattr(self.config, f'{name}_optimizer', None)
        return (settings or self.config.generator_optimizer).ema_decay

    # Keras `fit`.

    def compile(self, **options):
        """Makes `fit` usable; the optimizers come from the Config, so none is accepted here."""
        options.setdefault('jit_compile', False)
        super().compile(optimizer=None, **options)

    def make_train_function(self, force=False):
        if self.train_function is None or force:
            compiled: dict[tuple, Callable] = {}

            def run(iterator):
                due = self.due(int(self.step.numpy()))
                if due not in compiled:
                    compiled[due] = self.compiled_step(due)
                return compiled[due](next(iterator))

            self.train_function = run
        return self.train_function

    def compiled_step(self, due: tuple[str, ...]):
        """A tf.function of the step that runs exactly the phases in `due`."""
        import tensorflow as tf
        return tf.function(functools.partial(self.train_step, due=due), autograph=False)

    # State.

    def state(self) -> dict[str, Any]:
        """Everything a checkpoint holds: name -> keras Variable, in a fixed order.

        Networks, averages ('generator_ema/...'), optimizers, the step, and 'extra/...'. Names come
        from the layers' names, not from creation order, so that they cross processes and backends.
        """
        state = {'step': self.step}
        for name, network in self.networks.items():
            state.update(named_variables(network, name))
        for name, network in self.twins.items():
            state.update(named_variables(network, f'{name}_ema'))
        for name, optimizer in self.optimizers_by_name.items():
            for index, variable in enumerate(optimizer_variables(optimizer)):
                state[f'{name}/{index:04d}_{variable.name}'] = variable
        state.update({f'extra/{name}': variable for name, variable in self.extra_state.items()})
        return state

    def average(self, name: str):
        """The network to use: the moving average where one is kept, else the network itself."""
        return self.twins.get(name, self.networks[name])

    def parameter_counts(self) -> dict[str, int]:
        """Trained parameters of each network."""
        return {name: sum(int(ops.size(v)) for v in network.trainable_variables)
                for name, network in self.networks.items()}

    # What a subclass offers besides its phases.

    def hand_on(self, phase: str, shared: dict, replica) -> dict:
        """What a phase hands to the later ones of a step, outside its differentiated and compiled function.

        Args:
            phase: Its name.
            shared: `PhaseResult.shared` of the replica's whole share of the batch.
            replica: As of `train_step`.
        Returns:
            Dict in place of `shared`. May assign variables of `extra_state`, to the same values on every replica.
        """
        return shared

    def after_step(self, logs: dict) -> None:
        """Called at the end of each `train_step`, inside the compiled step.

        Args:
            logs: The step's scalars by 'phase/term'; phases that were not due are missing. May be
                added to. Changes variables of `extra_state` by `assign` only.
        """

    def begin(self, sources: dict, note: Callable[[str], None] = print) -> None:
        """Called once where a new run begins, before its first step and after --init; not where one continues.

        Args:
            sources: Role -> Source of the training pictures.
            note: Callable that prints one line.
        """

    def training_stream(self, sources: dict, size: tuple[int, int], seed: int):
        """The run's samples.

        Args:
            sources: Role -> Source of the training pictures.
            size: (height, width) of the samples, pixels.
            seed: Of the run.
        Returns:
            `data.SampleStream`, or one like it.
        Raises:
            DataError: From the report of `config.hard_examples`, where the system has that setting.
        """
        augmentation = {role: self.config.augmentation(role) for role in sources}
        stream = SampleStream(sources, size, augmentation, seed)
        report = getattr(self.config, 'hard_examples', '')
        if report:
            indices = hard_examples.read(report).indices(sources['content'].names)
            stream.favour('content', indices, self.config.hard_example_share)
        return stream

    def held_out_stream(self, sources: dict, size: tuple[int, int], seed: int):
        """Samples of held-out pictures, without augmentation; arguments as `training_stream`."""
        return SampleStream(sources, size, seed=seed)

    def sample_grid(self, batch) -> dict:
        """Pictures of fixed inputs: {'rows': [[image float [H, W, 3] in [-1, 1] or None]],
        'row_labels': [...], 'column_labels': [...]}."""
        raise NotImplementedError

    def evaluate_batch(self, batch) -> dict:
        """Held-out numbers of a batch: name -> float32 [B]."""
        raise NotImplementedError

    def explain(self, batches) -> list[dict]:
        """What was learnt, for people: sections of report.html, made at each snapshot.

        Args:
            batches: Iterator of (held-out batch, names of its pictures by role).
        Returns:
            List of {'title': str, 'lines': [str], 'table': rows of str, the first the head (may be missing),
            'picture': uint8 [H, W, 3] (may be missing)}.
        """
        return []

    def encode_noise(self, batch, noise):
        """Codes [B, D] of normal noise [B, noise_size] for a batch, by the averaged weights."""
        return noise

    def draw_batch(self, batch, codes=None):
        """Outputs of the averaged weights for a batch, as they would be used.

        Args:
            batch: Of the roles, as for `evaluate_batch`.
            codes: As `encode_noise` returns them, or some between; None without noise.
        Returns:
            Float [B, H, W, 3] in [-1, 1], or a little beyond.
        """
        raise NotImplementedError

    def variety_batch(self, batch) -> tuple | None:
        """Outputs that should differ from each other as much as real pictures do, and such pictures.

        Both float [B, H, W, 3] in [-1, 1], from a held-out batch; third, where outputs are of
        classes, those of both, integers [B]. None where there is nothing to compare, or not yet.
        """

    def variety_features(self, images) -> list:
        """What `variety_batch`'s pictures are compared by: list of float [B, F], one a layer."""
        height, width = images.shape[1:3]
        window = max(1, height // 8), max(1, width // 8)
        pooled = ops.average_pool(images, window, strides=window)
        return [ops.reshape(pooled, (ops.shape(images)[0], -1))]

    def signatures(self) -> dict[str, Signature]:
        """Functions an export carries, by signature name (contracts: floats in [0, 1])."""
        raise NotImplementedError

    def model_card(self) -> dict:
        """What the model card says of the method: purpose, architecture, networks used."""
        raise NotImplementedError
