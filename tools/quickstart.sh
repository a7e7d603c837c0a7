#!/usr/bin/env bash
# The whole job once, offline, on real pictures: photographs repainted, judged and repaired by the models that ship, then a short training,
# its export, and photographs styled by the exported model, in this process and through a model server. At most
# 12 minutes on 2 cores, installation included.
#
#   tools/quickstart.sh [OUTPUT_FOLDER]      default: quickstart_output
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/setup_environment.sh
output=${1:-quickstart_output}
install_project serving
. .venv/bin/activate
export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-3}

say() { printf '\n== %s\n' "$*"; }

say 'sample pictures: photographs inside the dependencies, styles painted by our own painter'
photos=$(python -c 'from stylegan_tf.data import samples; print(samples.sample_folder("photos"))')
styles=$(python -c 'from stylegan_tf.data import samples; print(samples.sample_folder("styles"))')
mkdir -p "$output"

say '1 of 6: photographs repainted by the model that ships'
paint() { python -m stylegan_tf stylize --content="$photos/$1.png" --style="$styles/$2.png" --output="$output/$3" --overwrite "${@:4}"; }
paint chelsea stained_glass_harbour cat.png
paint astronaut engraved_portrait astronaut.png
paint china_1 fauvist_temple strengths.png --sweep=strength

say '2 of 6: what goes wrong is found and repaired: both repainted photographs, clean and with planted damage'
printf 'image,content,style\n%s\n%s\n' "cat.png,$photos/chelsea.png,$styles/stained_glass_harbour.png" \
  "astronaut.png,$photos/astronaut.png,$styles/engraved_portrait.png" > "$output/pairs.csv"
rm -rf "$output/damaged"
python tools/make_defect_benchmark.py --images="$output" --pairs="$output/pairs.csv" --output="$output/damaged" \
  --defects=jpeg,checkerboard,scratches,missing_region --severities=1
python -m stylegan_tf score --pairs="$output/damaged/index.csv" --output="$output/scores/report.json"
python -m stylegan_tf correct --pairs="$output/damaged/index.csv" --output="$output/corrected" --overwrite

say '3 of 6: training style_transfer_64 for a few minutes: a check that everything works, not a good model'
python -m stylegan_tf train --preset=style_transfer_64 --workdir="$output/run" --data=sample:photos \
  --style_data=sample:styles --set=total_images=1600 --set=warmup_images=320 --set=snapshot_images=800

say '4 of 6: export to a SavedModel that TensorFlow Serving loads'
rm -rf "$output/model"
python -m stylegan_tf export --workdir="$output/run" --output="$output/model"

say '5 of 6: a photograph styled by the exported model'
python -m stylegan_tf stylize --model="$output/model" --content="$photos/coffee.png" \
  --style="$styles/woodblock_wave.png" --output="$output/styled_coffee.png" --overwrite

say '6 of 6: the same model behind the local server, asked by gRPC and by REST: the answers equal those of plain TensorFlow'
python tools/check_server.py --model="$output/model" --content="$photos/coffee.png,$photos/rocket.png" \
  --style="$styles/woodblock_wave.png" --output="$output/served" --levels=0

say 'done. Look at:'
printf '  %s\n' "$output/cat.png           a photograph in the style of $styles/stained_glass_harbour.png" \
  "$output/astronaut.png     another in the style of $styles/engraved_portrait.png" \
  "$output/strengths.png     a third at strengths 0 to 1" \
  "$output/scores/report.html     what is wrong with them and with their damaged copies, the worst first" \
  "$output/corrected/report.html  what was repaired, before and after" \
  "$output/styled_coffee.png by the model trained above for minutes: colours follow the style, brush strokes take hours" \
  "$output/run/report.html   curves, samples and settings of that training" \
  "$output/served            the same photograph and another, by gRPC and by REST" \
  "$output/model             its SavedModel"
