"""Which layers of each architecture a measure reads, by what it is to see."""

_VGG = {
    'style': ('relu1_1', 'relu2_1', 'relu3_1', 'relu4_1'),
    'content': ('relu4_1',),
    'lpips': ('relu1_2', 'relu2_2', 'relu3_3', 'relu4_3'),
    'vector': ('relu2_2', 'relu3_3', 'relu4_3'),
    'places': ('relu2_1', 'relu3_1'),
    'projected': ('relu2_2', 'relu3_3', 'relu4_3', 'relu5_3'),
}
# Shallow layers of a classifier hold texture, middle ones hold things. The means of the layers of 'vector' over a
# picture, side by side, stand for the whole picture where sets of pictures are compared;
# 'places' are compared as the set of their positions. 'projected', each half as large as the one before, is what a
# projected discriminator looks at.
LAYERS = {
    'vgg16': _VGG,
    'vgg19': {**_VGG, 'lpips': ('relu1_2', 'relu2_2', 'relu3_4', 'relu4_4'),
              'vector': ('relu2_2', 'relu3_4', 'relu4_4'),
              'projected': ('relu2_2', 'relu3_4', 'relu4_4', 'relu5_4')},
    'efficientnet_lite0': {
        'style': ('stem', 'stage1', 'stage2', 'stage3'),
        'content': ('stage2', 'stage3', 'stage5'),
        'lpips': ('stage1', 'stage2', 'stage3', 'stage5'),
        'vector': ('pooled',),
        'places': ('stage2', 'stage3'),
        'projected': ('stage2', 'stage3', 'stage5', 'stage7'),
    },
    'inception_v3': {
        'style': ('mixed0', 'mixed2', 'mixed4'),
        'content': ('mixed4', 'mixed7'),
        'lpips': ('mixed0', 'mixed2', 'mixed4', 'mixed7'),
        'vector': ('pooled',),
        'places': ('mixed0', 'mixed2'),
    },
}
