"""The [net] section: input size, training schedule, augmentation. Darknet's names and defaults (parser.c:1145)."""

from __future__ import annotations

from dataclasses import dataclass

from darknet_py.config.options import opt

POLICIES = ("constant", "step", "steps", "exp", "poly", "sig", "sigmoid", "random", "sgdr")
IGNORED = ("uc_normalizer", "beta1", "max_epochs", "seen")  # stand in published cfgs; nothing reads them there either


@dataclass(frozen=True, kw_only=True)
class NetOptions:
    """One field an option. `batch` is that of the file: pictures an update."""

    # input
    width: int = opt(0, ge=0)
    height: int = opt(0, ge=0)
    channels: int = opt(0, ge=0)
    inputs: int = opt(0, ge=0, doc="numbers in, where there are no pictures")
    # batches
    batch: int = opt(1, ge=1, doc="pictures an update")
    subdivisions: int = opt(1, ge=1, doc="mini-batches that a batch is cut into")
    max_batches: int = opt(0, ge=0, doc="iterations of a training")
    time_steps: int = opt(1, ge=1, doc="entries in a row of each of the batch's streams")
    sequential_subdivisions: int = opt(0, ge=0)
    dynamic_minibatch: bool = opt(False)
    # optimiser
    learning_rate: float = opt(0.001, ge=0)
    learning_rate_min: float = opt(0.00001, ge=0, doc="where sgdr cycles end")
    momentum: float = opt(0.9, ge=0, le=1)
    decay: float = opt(0.0001, ge=0, doc="L2 decay of the weights")
    adam: bool = opt(False)
    B1: float = opt(0.9, ge=0, le=1)
    B2: float = opt(0.999, ge=0, le=1)
    eps: float = opt(0.000001, ge=0)
    clip: float = opt(0.0, ge=0, doc="largest absolute weight after an update, in layers that don't say; 0: any")
    ema_alpha: float = opt(0.0, ge=0, le=1, doc="moving average of the weights: 0 none")
    loss_scale: float = opt(1.0, gt=0, doc="with -fp16: where the loss scale starts; 1: at our own choice")
    time_clip: float = opt(1.0, gt=0, doc="bound of the gradient's numbers that recurrent layers pass back in time")
    bn_momentum: float = opt(0.99, ge=0, le=1, doc="of the rolling batch-norm statistics; the reference's CPU has 0.9")
    # schedule
    policy: str = opt("constant", one_of=POLICIES)
    burn_in: int = opt(0, ge=0, doc="iterations of rising learning rate")
    power: float = opt(4.0, doc="exponent of burn_in, poly and random")
    step: int = opt(1, ge=1)
    scale: float = opt(1.0)
    steps: tuple[int, ...] = opt((), doc="iterations at which policy=steps changes the rate")
    scales: tuple[float, ...] = opt((), doc="the factors of these changes")
    seq_scales: tuple[float, ...] = opt(())
    gamma: float = opt(1.0)
    sgdr_cycle: int = opt(0, ge=0, doc="max_batches where absent")
    sgdr_mult: int = opt(2, ge=1)
    # augmentation
    angle: float = opt(0.0, doc="degrees; classifiers only")
    aspect: float = opt(1.0, doc="classifiers only")
    saturation: float = opt(1.0, ge=0)
    exposure: float = opt(1.0, ge=0)
    hue: float = opt(0.0, ge=0)
    flip: bool = opt(True)
    max_crop: int = opt(0, ge=0)
    min_crop: int = opt(0, ge=0)
    min_ratio: float = opt(0.0, ge=0, doc="min_crop as a part of the width (pjreddie)")
    max_ratio: float = opt(0.0, ge=0, doc="max_crop as a part of the width (pjreddie)")
    center: bool = opt(False, doc="classifiers are trained on the middle of pictures, as they are (pjreddie)")
    blur: int = opt(0, ge=0)
    gaussian_noise: int = opt(0, ge=0)
    mixup: int = opt(0, ge=0)
    cutmix: bool = opt(False)
    mosaic: bool = opt(False)
    mosaic_bound: bool = opt(False)
    letter_box: bool = opt(False)
    label_smooth_eps: float = opt(0.0, ge=0, le=1)
    random: bool = opt(False, doc="classifiers: inputs of 128 x 128 to 448 x 448 (pjreddie)")
    resize_step: float = opt(32.0, gt=0, doc="input sizes of multi-scale training are multiples of this")
    # of the reference's other trainings
    track: bool = opt(False)
    augment_speed: int = opt(2)
    contrastive: bool = opt(False)
    contrastive_jit_flip: bool = opt(False)
    contrastive_color: bool = opt(False)
    unsupervised: bool = opt(False)
    adversarial_lr: float = opt(0.0)
    attention: bool = opt(False)
    equidistant_point: int = opt(0)
    badlabels_rejection_percentage: float = opt(0.0)
    num_sigmas_reject_badlabels: float = opt(0.0)
    weights_reject_freq: int = opt(0)
    # no effect here
    try_fix_nan: bool = opt(False, doc="a NaN stops the training here")
    notruth: bool = opt(False, doc="nothing reads it (pjreddie)")
    use_cuda_graph: bool = opt(False)
    optimized_memory: int = opt(0)
    workspace_size_limit_MB: float = opt(1024.0)
    show_receptive_field: bool = opt(False)
    max_chart_loss: float = opt(20.0, gt=0, doc="top of the chart")

    def __post_init__(self) -> None:
        if self.batch % self.subdivisions:
            raise ValueError(f"subdivisions={self.subdivisions} must divide batch={self.batch}")
        if self.policy == "steps" and not self.steps:
            raise ValueError("policy=steps needs steps= and scales=")
        if self.policy == "steps" and len(self.steps) != len(self.scales):
            raise ValueError(f"policy=steps has {len(self.steps)} steps but {len(self.scales)} scales")

    @property
    def update_size(self) -> int:
        """Pictures, or entries of time series, of an update: `time_steps` of each of `batch` streams."""
        return self.batch * self.time_steps

    @property
    def mini_batch(self) -> int:
        """Those of one forward pass in training."""
        return self.update_size // self.subdivisions
