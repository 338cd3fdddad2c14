"""Where each layer comes from, as BibTeX."""

from torch import nn

from caudal.nn.layer import Layer

SOURCES: dict[str, tuple[str, ...]] = {
    "LTC": ("hasani2021liquid", "lechner2020neural"),
    "CfC": ("hasani2022closed",),
    "WiredCfC": ("hasani2022closed", "lechner2020neural"),
    "MixedMemory": ("hasani2022closed", "lechner2020learning"),
    "LRC": ("farsang2024liquid",),
    "LiquidSSM": ("hasani2021liquid", "feng2024rnns"),
    "LiquidS4": ("hasani2023liquid",),
    "LrcSSM": ("farsang2025scaling", "lim2024parallelizing"),
    "DLinOSS": ("boyer2025learning", "rusch2025oscillatory"),
    "CTRNN": ("funahashi1993approximation",),
    "LSTM": ("hochreiter1997long", "gers2000learning"),
    "GRU": ("cho2014learning",),
    "MinGRU": ("feng2024rnns",),
    "GRUD": ("che2018recurrent",),
    "ODERNN": ("rubanova2019latent",),
    "PhasedLSTM": ("neil2016phased",),
    "Transformer": ("vaswani2017attention", "xiong2020layer", "kazemi2019time2vec"),
    "SSM": ("smith2023simplified", "gu2022parameterization"),
    "Stack": ("pascanu2014construct",),
    "Bidirectional": ("schuster1997bidirectional",),
    "ConvHead": ("lechner2020neural",),
}

# type, authors, title, year, fields of the place of publication
ENTRIES: dict[str, tuple[str, str, str, int, dict[str, str]]] = {
    "hasani2021liquid": (
        "inproceedings",
        "Hasani, Ramin and Lechner, Mathias and Amini, Alexander and Rus, Daniela and Grosu, Radu",
        "Liquid Time-constant Networks",
        2021,
        {"booktitle": "Proceedings of the AAAI Conference on Artificial Intelligence", "eprint": "2006.04439"},
    ),
    "lechner2020neural": (
        "article",
        "Lechner, Mathias and Hasani, Ramin and Amini, Alexander and Henzinger, Thomas A. and Rus, Daniela and "
        "Grosu, Radu",
        "Neural Circuit Policies Enabling Auditable Autonomy",
        2020,
        {"journal": "Nature Machine Intelligence", "volume": "2"},
    ),
    "hasani2022closed": (
        "article",
        "Hasani, Ramin and Lechner, Mathias and Amini, Alexander and Liebenwein, Lucas and Ray, Aaron and "
        "Tschaikowski, Max and Teschl, Gerald and Rus, Daniela",
        "Closed-form Continuous-time Neural Networks",
        2022,
        {"journal": "Nature Machine Intelligence", "volume": "4", "eprint": "2106.13898"},
    ),
    "lechner2020learning": (
        "misc",
        "Lechner, Mathias and Hasani, Ramin",
        "Learning Long-Term Dependencies in Irregularly-Sampled Time Series",
        2020,
        {"eprint": "2006.04418"},
    ),
    "farsang2024liquid": (
        "misc",
        "Farsang, M{\\'o}nika and Neubauer, Sophie A. and Grosu, Radu",
        "Liquid Resistance Liquid Capacitance Networks",
        2024,
        {"eprint": "2403.08791"},
    ),
    "feng2024rnns": (
        "misc",
        "Feng, Leo and Tung, Frederick and Ahmed, Mohamed Osama and Bengio, Yoshua and Hajimirsadeghi, Hossein",
        "Were RNNs All We Needed?",
        2024,
        {"eprint": "2410.01201"},
    ),
    "hasani2023liquid": (
        "inproceedings",
        "Hasani, Ramin and Lechner, Mathias and Wang, Tsun-Hsuan and Chahine, Makram and Amini, Alexander and "
        "Rus, Daniela",
        "Liquid Structural State-Space Models",
        2023,
        {"booktitle": "International Conference on Learning Representations", "eprint": "2209.12951"},
    ),
    "farsang2025scaling": (
        "inproceedings",
        "Farsang, M{\\'o}nika and Hasani, Ramin and Rus, Daniela and Grosu, Radu",
        "Scaling Up Liquid-Resistance Liquid-Capacitance Networks for Efficient Sequence Modeling",
        2025,
        {"booktitle": "Advances in Neural Information Processing Systems", "eprint": "2505.21717"},
    ),
    "lim2024parallelizing": (
        "inproceedings",
        "Lim, Yi Heng and Zhu, Qi and Selfridge, Joshua and Kasim, Muhammad Firmansyah",
        "Parallelizing Non-linear Sequential Models over the Sequence Length",
        2024,
        {"booktitle": "International Conference on Learning Representations", "eprint": "2309.12252"},
    ),
    "boyer2025learning": (
        "misc",
        "Boyer, Jared and Rusch, T. Konstantin and Rus, Daniela",
        "Learning to Dissipate Energy in Oscillatory State-Space Models",
        2025,
        {"eprint": "2505.12171"},
    ),
    "rusch2025oscillatory": (
        "inproceedings",
        "Rusch, T. Konstantin and Rus, Daniela",
        "Oscillatory State-Space Models",
        2025,
        {"booktitle": "International Conference on Learning Representations", "eprint": "2410.03943"},
    ),
    "funahashi1993approximation": (
        "article",
        "Funahashi, Ken-ichi and Nakamura, Yuichi",
        "Approximation of Dynamical Systems by Continuous Time Recurrent Neural Networks",
        1993,
        {"journal": "Neural Networks", "volume": "6"},
    ),
    "hochreiter1997long": (
        "article",
        'Hochreiter, Sepp and Schmidhuber, J{\\"u}rgen',
        "Long Short-Term Memory",
        1997,
        {"journal": "Neural Computation", "volume": "9", "number": "8"},
    ),
    "gers2000learning": (
        "article",
        'Gers, Felix A. and Schmidhuber, J{\\"u}rgen and Cummins, Fred',
        "Learning to Forget: Continual Prediction with {LSTM}",
        2000,
        {"journal": "Neural Computation", "volume": "12", "number": "10"},
    ),
    "cho2014learning": (
        "inproceedings",
        'Cho, Kyunghyun and van Merri{\\"e}nboer, Bart and Gulcehre, Caglar and Bahdanau, Dzmitry and Bougares, Fethi '
        "and Schwenk, Holger and Bengio, Yoshua",
        "Learning Phrase Representations using {RNN} Encoder-Decoder for Statistical Machine Translation",
        2014,
        {"booktitle": "Proceedings of EMNLP", "eprint": "1406.1078"},
    ),
    "che2018recurrent": (
        "article",
        "Che, Zhengping and Purushotham, Sanjay and Cho, Kyunghyun and Sontag, David and Liu, Yan",
        "Recurrent Neural Networks for Multivariate Time Series with Missing Values",
        2018,
        {"journal": "Scientific Reports", "volume": "8", "eprint": "1606.01865"},
    ),
    "rubanova2019latent": (
        "inproceedings",
        "Rubanova, Yulia and Chen, Ricky T. Q. and Duvenaud, David",
        "Latent Ordinary Differential Equations for Irregularly-Sampled Time Series",
        2019,
        {"booktitle": "Advances in Neural Information Processing Systems", "eprint": "1907.03907"},
    ),
    "neil2016phased": (
        "inproceedings",
        "Neil, Daniel and Pfeiffer, Michael and Liu, Shih-Chii",
        "Phased {LSTM}: Accelerating Recurrent Network Training for Long or Event-based Sequences",
        2016,
        {"booktitle": "Advances in Neural Information Processing Systems", "eprint": "1610.09513"},
    ),
    "vaswani2017attention": (
        "inproceedings",
        "Vaswani, Ashish and Shazeer, Noam and Parmar, Niki and Uszkoreit, Jakob and Jones, Llion and Gomez, Aidan N. "
        "and Kaiser, {\\L}ukasz and Polosukhin, Illia",
        "Attention Is All You Need",
        2017,
        {"booktitle": "Advances in Neural Information Processing Systems", "eprint": "1706.03762"},
    ),
    "xiong2020layer": (
        "inproceedings",
        "Xiong, Ruibin and Yang, Yunchang and He, Di and Zheng, Kai and Zheng, Shuxin and Xing, Chen and "
        "Zhang, Huishuai and Lan, Yanyan and Wang, Liwei and Liu, Tie-Yan",
        "On Layer Normalization in the Transformer Architecture",
        2020,
        {"booktitle": "International Conference on Machine Learning", "eprint": "2002.04745"},
    ),
    "kazemi2019time2vec": (
        "misc",
        "Kazemi, Seyed Mehran and others",
        "Time2Vec: Learning a Vector Representation of Time",
        2019,
        {"eprint": "1907.05321"},
    ),
    "smith2023simplified": (
        "inproceedings",
        "Smith, Jimmy T. H. and Warrington, Andrew and Linderman, Scott W.",
        "Simplified State Space Layers for Sequence Modeling",
        2023,
        {"booktitle": "International Conference on Learning Representations", "eprint": "2208.04933"},
    ),
    "gu2022parameterization": (
        "inproceedings",
        "Gu, Albert and Gupta, Ankit and Goel, Karan and R{\\'e}, Christopher",
        "On the Parameterization and Initialization of Diagonal State Space Models",
        2022,
        {"booktitle": "Advances in Neural Information Processing Systems", "eprint": "2206.11893"},
    ),
    "pascanu2014construct": (
        "inproceedings",
        "Pascanu, Razvan and Gulcehre, Caglar and Cho, Kyunghyun and Bengio, Yoshua",
        "How to Construct Deep Recurrent Neural Networks",
        2014,
        {"booktitle": "International Conference on Learning Representations", "eprint": "1312.6026"},
    ),
    "schuster1997bidirectional": (
        "article",
        "Schuster, Mike and Paliwal, Kuldip K.",
        "Bidirectional Recurrent Neural Networks",
        1997,
        {"journal": "IEEE Transactions on Signal Processing", "volume": "45", "number": "11"},
    ),
}


def cite(net: nn.Module) -> str:
    """BibTeX of the papers behind a layer and the layers inside it, in the order in which they are met.

    Arguments:
        net: a layer, or any module that holds layers.

    Returns:
        entries one after another; empty where there is nothing to cite.

    Example:
        >>> from caudal.nn import GRU
        >>> print(cite(GRU(2, 3)).splitlines()[0])
        @inproceedings{cho2014learning,
    """
    kinds = dict.fromkeys(type(part).__name__ for part in net.modules() if isinstance(part, Layer))
    keys = dict.fromkeys(key for kind in kinds for key in SOURCES.get(kind, ()))
    return "\n\n".join(_entry(key) for key in keys)


def _entry(key: str) -> str:
    kind, authors, title, year, place = ENTRIES[key]
    fields = {"author": authors, "title": title, "year": str(year), **place}
    if "eprint" in place:
        fields["archiveprefix"] = "arXiv"
    lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
    return f"@{kind}{{{key},\n{lines}\n}}"
