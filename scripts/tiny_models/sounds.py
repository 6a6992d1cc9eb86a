"""Models that compose, as pipelines of diffusers: Stable Audio, AudioLDM2, ACE-Step, LongCat.

Source: diffusers 0.42, ``DiffusionPipeline.save_pretrained`` of pipelines made from configurations.
"""

import warnings
from pathlib import Path

import torch
from diffusers import (
    AceStepPipeline,
    AceStepTransformer1DModel,
    AudioLDM2Pipeline,
    AudioLDM2ProjectionModel,
    AudioLDM2UNet2DConditionModel,
    AutoencoderKL,
    AutoencoderOobleck,
    AutoencoderSAME,
    CosineDPMSolverMultistepScheduler,
    DDIMScheduler,
    FlowMatchEulerDiscreteScheduler,
    LongCatAudioDiTPipeline,
    LongCatAudioDiTTransformer,
    LongCatAudioDiTVae,
    StableAudio3DiTModel,
    StableAudio3Pipeline,
    StableAudioDiTModel,
    StableAudioPipeline,
    StableAudioProjectionModel,
)
from diffusers.pipelines.ace_step import AceStepConditionEncoder
from diffusers.pipelines.stable_audio_3 import StableAudio3DurationEmbedder
from transformers import (
    ClapAudioConfig,
    ClapConfig,
    ClapFeatureExtractor,
    ClapModel,
    ClapTextConfig,
    GPT2Config,
    GPT2LMHeadModel,
    RobertaTokenizer,
    SpeechT5HifiGan,
    SpeechT5HifiGanConfig,
    T5TokenizerFast,
)

from tiny_models.language import WIDTH, gemma_tokenizer, qwen3, qwen_tokenizer, stir, t5gemma
from tiny_models.pictures import clip_tokenizer, t5_encoder, t5_tokenizer

SEED = 0
HIDDEN = 32
"""Width of the T5 encoder."""
MAX_TOKENS = 77


def make_stable_audio(folder: Path) -> None:
    """Make a Stable Audio: stereo, 8 kHz, at most 4.096 s."""
    torch.manual_seed(SEED)
    with warnings.catch_warnings():  # it norms its weights in torch's older way
        warnings.simplefilter("ignore", FutureWarning)
        vae = AutoencoderOobleck(
            encoder_hidden_size=8,
            downsampling_ratios=[4, 8],
            decoder_channels=8,
            decoder_input_channels=4,
            channel_multiples=[1, 2],
            sampling_rate=8000,
        )
    transformer = StableAudioDiTModel(
        sample_size=1024,
        in_channels=4,
        out_channels=4,
        num_layers=2,
        attention_head_dim=8,
        num_attention_heads=4,
        num_key_value_attention_heads=2,
        cross_attention_dim=HIDDEN,
        cross_attention_input_dim=HIDDEN,
        time_proj_dim=16,
        global_states_input_dim=2 * HIDDEN,
    )
    projection = StableAudioProjectionModel(
        text_encoder_dim=HIDDEN, conditioning_dim=HIDDEN, min_value=0, max_value=512
    )
    StableAudioPipeline(
        vae=vae,
        text_encoder=t5_encoder(),
        projection_model=projection,
        tokenizer=_t5_tokenizer(),
        transformer=transformer,
        scheduler=CosineDPMSolverMultistepScheduler(
            sigma_data=1.0, prediction_type="v_prediction", sigma_schedule="exponential"
        ),
    ).save_pretrained(folder)


def make_audioldm2(folder: Path) -> None:
    """Make an AudioLDM2: mono, 16 kHz."""
    torch.manual_seed(SEED)
    unet = AudioLDM2UNet2DConditionModel(
        block_out_channels=(8, 16),
        layers_per_block=1,
        sample_size=32,
        norm_num_groups=4,
        attention_head_dim=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=([None, 16, HIDDEN], [None, 16, HIDDEN]),
    )
    vae = AutoencoderKL(
        in_channels=1,
        out_channels=1,
        block_out_channels=(8, 8),
        norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
    )
    language_model = GPT2LMHeadModel(
        GPT2Config(
            n_embd=16,
            n_head=2,
            n_layer=2,
            vocab_size=64,
            n_positions=160,
            bos_token_id=0,
            eos_token_id=1,
        )
    )
    language_model.config.max_new_tokens = 8
    AudioLDM2Pipeline(
        vae=vae,
        text_encoder=_clap(),
        text_encoder_2=t5_encoder(),
        projection_model=AudioLDM2ProjectionModel(
            text_encoder_dim=16, text_encoder_1_dim=HIDDEN, langauge_model_dim=16
        ),
        language_model=language_model,
        tokenizer=_roberta_tokenizer(),
        tokenizer_2=_t5_tokenizer(),
        feature_extractor=ClapFeatureExtractor(),
        unet=unet,
        scheduler=DDIMScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False
        ),
        vocoder=_vocoder(),
    ).save_pretrained(folder)


def make_ace_step(folder: Path) -> None:
    """Make an ACE-Step, which sings: stereo, 8 kHz, 25 latents a second."""
    torch.manual_seed(SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        vae = AutoencoderOobleck(
            encoder_hidden_size=8,
            downsampling_ratios=[4, 8, 10],
            decoder_channels=8,
            decoder_input_channels=4,
            channel_multiples=[1, 2, 2],
            sampling_rate=8000,
        )
    attention = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8}
    size = {"hidden_size": WIDTH, "intermediate_size": WIDTH, **attention}
    transformer = AceStepTransformer1DModel(
        num_hidden_layers=2, in_channels=12, audio_acoustic_hidden_dim=4, **size
    )
    encoder = AceStepConditionEncoder(
        text_hidden_dim=WIDTH,
        timbre_hidden_dim=4,
        num_lyric_encoder_hidden_layers=2,
        num_timbre_encoder_hidden_layers=1,
        **size,
    )
    encoder.silence_latent.normal_()
    AceStepPipeline(
        vae=vae,
        text_encoder=qwen3(),
        tokenizer=qwen_tokenizer(),
        transformer=stir(transformer),
        condition_encoder=encoder,
        scheduler=FlowMatchEulerDiscreteScheduler(num_train_timesteps=1, shift=1.0),
    ).save_pretrained(folder)


def make_stable_audio_3(folder: Path) -> None:
    """Make a Stable Audio 3: stereo, 8 kHz, at most 384 s."""
    torch.manual_seed(SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        vae = AutoencoderSAME(
            patch_size=16,
            encoder_channels=16,
            encoder_c_mults=[2],
            encoder_strides=[4],
            encoder_transformer_depths=[2],
            latent_dim=8,
            dim_heads=8,
            sampling_rate=8000,
        )
    transformer = StableAudio3DiTModel(
        io_channels=8,
        embed_dim=32,
        depth=2,
        num_heads=4,
        cond_token_dim=WIDTH,
        global_cond_dim=WIDTH,
        local_add_cond_dim=9,
        timestep_features_dim=16,
        num_memory_tokens=4,
    )
    StableAudio3Pipeline(
        vae=stir(vae),
        text_encoder=t5gemma(),
        tokenizer=gemma_tokenizer(),
        duration_embedder=StableAudio3DurationEmbedder(output_dim=WIDTH, fourier_dim=16),
        transformer=stir(transformer),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=1.0, stochastic_sampling=True),
    ).save_pretrained(folder)


def make_longcat_audio(folder: Path) -> None:
    """Make a LongCat-AudioDiT: mono, 8 kHz, 256 samples to one latent."""
    torch.manual_seed(SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        vae = LongCatAudioDiTVae(
            channels=8,
            c_mults=[1, 2],
            strides=[16, 16],
            latent_dim=4,
            encoder_latent_dim=8,
            downsampling_ratio=256,
            sample_rate=8000,
        )
    transformer = LongCatAudioDiTTransformer(
        dit_dim=32, dit_depth=2, dit_heads=4, dit_text_dim=HIDDEN, latent_dim=4
    )
    LongCatAudioDiTPipeline(
        vae=vae,
        text_encoder=t5_encoder(several_languages=True),
        tokenizer=_t5_tokenizer(),
        transformer=stir(transformer),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=1.0, invert_sigmas=True),
    ).save_pretrained(folder)


def _t5_tokenizer() -> T5TokenizerFast:
    tokenizer: T5TokenizerFast = t5_tokenizer()
    tokenizer.model_max_length = MAX_TOKENS  # every prompt is padded to it
    return tokenizer


def _roberta_tokenizer() -> RobertaTokenizer:
    letters = [word for word in clip_tokenizer().get_vocab() if len(word) == 1]
    words = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *letters]
    vocabulary = {word: number for number, word in enumerate(words)}
    return RobertaTokenizer(vocab=vocabulary, merges=[], model_max_length=MAX_TOKENS)


def _clap() -> ClapModel:
    text = ClapTextConfig(
        vocab_size=261,
        hidden_size=16,
        intermediate_size=37,
        num_attention_heads=2,
        num_hidden_layers=2,
        projection_dim=16,
    )
    audio = ClapAudioConfig(
        spec_size=64,
        window_size=4,
        num_mel_bins=64,
        intermediate_size=37,
        depths=[1, 1],
        num_attention_heads=[2, 2],
        num_hidden_layers=2,
        hidden_size=16,
        patch_embeds_hidden_size=8,
        projection_dim=16,
        patch_size=2,
        patch_stride=2,
        patch_embed_input_channels=4,
    )
    config = ClapConfig(text_config=text.to_dict(), audio_config=audio.to_dict(), projection_dim=16)
    return ClapModel(config)


def _vocoder() -> SpeechT5HifiGan:
    config = SpeechT5HifiGanConfig(
        model_in_dim=16,
        sampling_rate=16000,
        upsample_initial_channel=32,
        upsample_rates=[4, 4, 2],
        upsample_kernel_sizes=[8, 8, 4],
        resblock_kernel_sizes=[3],
        resblock_dilation_sizes=[[1, 3, 5]],
        normalize_before=False,
        initializer_range=0.2,  # with the usual 0.01 a vocoder of random weights is silent
    )
    return SpeechT5HifiGan(config)
