#!/bin/sh
# Posters need a Chinese font. Installs Debian's smallest where none is found and that is possible.
set -eu
for folder in /usr/share/fonts /usr/local/share/fonts "${HOME:-/nonexistent}/.fonts" "${HOME:-/nonexistent}/.local/share/fonts"; do
  if find "$folder" -iname '*wqy*' -o -iname '*NotoSansCJK*' -o -iname '*NotoSerifCJK*' -o -iname '*SourceHanSans*' 2>/dev/null | grep -q .; then
    exit 0
  fi
done
as_root=""
if [ "$(id -u)" -ne 0 ]; then
  if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then as_root="sudo -n"; else
    echo "No Chinese font: posters cannot be printed. Install the package fonts-wqy-microhei." >&2
    exit 0
  fi
fi
if command -v apt-get >/dev/null 2>&1; then
  echo "Installing a Chinese font for posters (fonts-wqy-microhei)." >&2
  { $as_root apt-get update -qq && DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq fonts-wqy-microhei; } >/dev/null 2>&1 ||
    echo "That failed: posters cannot be printed until fonts-wqy-microhei is installed." >&2
else
  echo "No Chinese font: posters cannot be printed. Install WenQuanYi Micro Hei or Noto Sans CJK." >&2
fi
