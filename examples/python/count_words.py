"""Many threads append to many keys; each key is read back whole."""

import pathlib
import threading

import accrete

text = pathlib.Path(__file__).with_name("count_words.py").read_text().split()

with accrete.temporary(buffer=True) as store:

    def append(words):
        for number, word in enumerate(words):
            store.append(word[:1], f"{word}\n".encode())

    threads = [threading.Thread(target=append, args=(text[number::4],)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(value.count(b"\n") for _, value in store.items()) == len(text)
    print(sorted(set(store.get("f").split())))
