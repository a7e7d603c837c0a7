#!/bin/sh
# Copies the versions that MODELS does not have yet out of the bucket SOURCE, a remote of rclone. Each is copied under a
# name that is no number and then renamed, because a server never tries a version again that it saw half.
#
# A version counts as complete in the bucket once its saved_model.pb is there, so upload that file last.
set -eu
models=${MODELS:-/models}
rclone lsf --files-only --recursive --include '/*/*/saved_model.pb' "$SOURCE" | while read -r file; do
  version=${file%/saved_model.pb}
  model=${version%%/*}
  number=${version##*/}
  case $number in *[!0-9]*) continue ;; esac
  [ -e "$models/$version" ] && continue
  mkdir -p "$models/$model"
  rm -rf "$models/$model/.copy-$number"
  rclone copy "$SOURCE/$version" "$models/$model/.copy-$number"
  mv "$models/$model/.copy-$number" "$models/$version"
  echo "copied $version"
done
