#!/usr/bin/env bash
# The whole job once, offline, on real pictures: a style transfer worth looking at, then a short training, its export,
# and photographs styled by the exported model. At most 12 minutes on 2 cores, installation included.
#
#   tools/quickstart.sh [OUTPUT_FOLDER]      default: quickstart_output
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/setup_environment.sh
output=${1:-quickstart_output}
install_project ''
. .venv/bin/activate
export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-3}

say() { printf '\n== %s\n' "$*"; }

say 'sample pictures: photographs inside the dependencies, styles painted by our own painter'
photos=$(python -c 'from stylegan_tf.data import samples; print(samples.sample_folder("photos"))')
styles=$(python -c 'from stylegan_tf.data import samples; print(samples.sample_folder("styles"))')
mkdir -p "$output"

say '1 of 4: a photograph repainted by optimisation (Gatys et al. 2016), no training needed'
python -m stylegan_tf stylize --model=gatys --content="$photos/chelsea.png" --style="$styles/swirling_night.png" \
  --output="$output/gatys.png" --set=size=256 --overwrite

say '2 of 4: training style_transfer_64 for a few minutes: a check that everything works, not a good model'
python -m stylegan_tf train --preset=style_transfer_64 --workdir="$output/run" --data=sample:photos \
  --style_data=sample:styles --set=total_images=1600 --set=warmup_images=320 --set=snapshot_images=800

say '3 of 4: export to a SavedModel that TensorFlow Serving loads'
rm -rf "$output/model"
python -m stylegan_tf export --workdir="$output/run" --output="$output/model"

say '4 of 4: photographs styled by the exported model'
python -m stylegan_tf stylize --model="$output/model" --content="$photos/coffee.png" \
  --style="$styles/woodblock_wave.png" --output="$output/styled_coffee.png" --overwrite
python -m stylegan_tf stylize --model="$output/model" --content="$photos/astronaut.png" \
  --style="$styles/pointillist_harbour.png" --output="$output/strengths.png" --sweep=strength --overwrite

say 'done. Look at:'
printf '  %s\n' "$output/gatys.png          a photograph in the style of $styles/swirling_night.png" \
  "$output/styled_coffee.png  by the model trained above for minutes: colours follow the style, brush strokes take hours" \
  "$output/strengths.png      the same model at strengths 0 to 1" \
  "$output/run/report.html    curves, samples and settings of the training" \
  "$output/model              the SavedModel"
