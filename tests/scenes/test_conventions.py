"""glaciersar.scenes.conventions; contradictions are refused in tests/dataset/test_bad_input.py"""

import pytest

from glaciersar.scenes.conventions import convention_of


@pytest.mark.parametrize(
    ("href", "expected"),
    [
        ("s3://bucket/RTC/1/IW/17/R/MJ/2020/S1A_20200103_17RMJ_ASC/Gamma0_VV.tif", "gamma0"),
        ("S1A_IW_20200101T153005_DVP_RTC30_G_gpuned_8C2A_VV.tif", "gamma0"),  # HyP3
        ("S1A_IW_20200101T153005_DVP_RTC30_G_sdufem_8C2A_VV.tif", "sigma0"),
        ("https://a.net/sigma0_hh.tif?sig=gamma0", "sigma0"),
        ("sigma_nought_hv.tif", "sigma0"),
        ("beta0_hh.tif", "beta0"),
        ("OPERA_L2_RTC-S1_T137-292320-IW1_20211119T015859Z_20250830T120333Z_S1A_30_v1.0_VH.tif", "untold"),
        ("gamma0/hh.tif", "untold"),  # a folder may be called anything
    ],
)
def test_names_tell_sigma_from_gamma_nought(href, expected):
    assert convention_of(href) == expected
