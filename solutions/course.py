"""What the course says of itself: to the grader, and in the notebooks that students get."""

from autograder.course import Settings
from solutions.ready_made import READY_MADE

COURSE = Settings(
    title="From attention to BERT",
    package="coursekit",
    # Where a notebook that was opened by itself, in Colab for instance, installs coursekit from. Either an address,
    # "https://…/coursekit-0.1.0-py3-none-any.whl" or "git+https://…#subdirectory=course", or a wheel that students put
    # beside the notebook, "coursekit-0.1.0-py3-none-any.whl" (`pip wheel --no-deps ./course` makes it). While it is
    # empty, such a notebook says that the package is missing, and what to do. A bare name is refused: "coursekit" on
    # the public index is another project's.
    address="",
    codecs=("torch", "numpy"),
    warm=(
        "matplotlib.pyplot",
        "numpy",
        "torch",
        "torch._dynamo",  # the first step of an optimizer imports it
        "transformers",
        "transformers.models.auto.tokenization_auto",
        "transformers.models.bert.modeling_bert",
        "transformers.models.bert.tokenization_bert",
        "coursekit.checkpoints",
        "coursekit.checks",
        "coursekit.data",
        "coursekit.earlier",
        "coursekit.encoder",
        "coursekit.features",
        "coursekit.plots",
        "coursekit.runtime",
        "coursekit.stand_ins",
    ),
    environment={
        "COURSEKIT_PROFILE": "cpu",
        "COURSEKIT_EARLIER_WORK": "0",
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
    },
    # The made-up class has trained its models on the bundled reviews, which every machine has.
    demo={"COURSEKIT_IMDB": "{package}/sample"},
    # As in coursekit.written_in, which is not imported here: whose package is installed is seen before it is.
    stand_ins={
        "coursekit.stand_ins": {
            "build_vocab": "01_tokenization",
            "tokenize": "01_tokenization",
            "binary_accuracy": "02_recurrent_networks",
            "scaled_dot_product": "03_scaled_dot_product_attention",
            "MultiHeadAttention": "04_multi_head_attention",
            "TransformerBlock": "05_transformer_block",
            "PositionalEncoding": "05_transformer_block",
            "BertModel": "06_bert_pretraining",
        }
    },
    ready_made=READY_MADE,
    data="heldout",
    preparation="execution",
)
