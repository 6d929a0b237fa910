"""Has the program describe itself: write_description.py PROGRAM FOLDER

Writes a folder man1 of manual pages, and the completions of bash, zsh and fish, named as these shells look for them."""

import os
import subprocess
import sys

program, folder = sys.argv[1:]


def describe(*what):
    return subprocess.run([program, "describe", *what], stdout=subprocess.PIPE, check=True).stdout


def write(name, text):
    with open(os.path.join(folder, name), "wb") as out:
        out.write(text)


os.makedirs(os.path.join(folder, "man1"), exist_ok=True)
write("man1/accrete.1", describe("man"))
for command in describe("commands").decode().split():
    write(f"man1/accrete-{command}.1", describe("man", command))
write("accrete", describe("bash"))
write("_accrete", describe("zsh"))
write("accrete.fish", describe("fish"))
