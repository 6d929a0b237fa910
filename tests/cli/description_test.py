"""What the program says of itself: help, version, manual pages, and completions of shells."""
import re
import shutil
import subprocess
import unittest

from accrete_cli import CliTest


class DescriptionTest(CliTest):
    def words(self, *args):
        return self.ok(*args).decode()

    def commands(self):
        return self.words("describe", "commands").split()

    def options(self, command):
        heads = re.findall(r"(?m)^  (-\S+)", self.words(command, "--help").split("Options:")[1].split("\n\n")[0])
        return {name for head in heads for name in head.split(",")}

    def test_the_hidden_command_knows_the_commands_of_the_help(self):
        listed = self.words("--help").split("Subcommands:\n")[1].split("\n\n")[0]
        self.assertEqual(self.commands(), [line.split()[0] for line in listed.splitlines()])

    def test_help_of_a_command_is_what_the_command_says(self):
        for command in self.commands():
            self.assertEqual(self.words("help", command), self.words(command, "--help"))
        self.assertEqual(self.words("help"), self.words("--help"))
        self.assertIn("no command 'nonsense'", self.fails(2, "help", "nonsense"))

    def test_versions_are_one(self):
        self.assertEqual(self.words("-V"), self.words("--version"))
        self.assertEqual(self.words("version"), self.words("--version"))
        features = self.words("version", "--features").splitlines()
        self.assertEqual(features[0] + "\n", self.words("version"))
        self.assertIn("stored", features[1:])

    def test_a_manual_page_has_each_option_and_every_word_of_the_help(self):
        for command in self.commands():
            page = self.words("describe", "man", command).replace("\\-", "-").replace("\\e", "\\").replace("\\&", "")
            for option in self.options(command):
                self.assertRegex(page, rf"(?m)^(.*, )?{re.escape(option)}[, \n]", command)
            of_the_help_alone = {"usage", "positionals", "excludes", "needs", "required"}
            self.assertLessEqual(set(re.findall(r"\w+", self.words(command, "--help").lower())) - of_the_help_alone,
                                 set(re.findall(r"\w+", page.lower())), command)

    def test_manual_pages_are_well_formed(self):
        if not shutil.which("groff"):
            self.skipTest("there is no groff")
        for page in [(), *((command,) for command in self.commands())]:
            done = subprocess.run(["groff", "-man", "-Kutf8", "-Tutf8", "-ww", "-z"], capture_output=True, check=True,
                                  input=self.ok("describe", "man", *page))
            self.assertEqual(done.stderr, b"", page)

    def completed(self, *words):
        script = f"""source /dev/stdin
                     COMP_WORDS=(accrete "$@") COMP_CWORD=$#
                     _accrete
                     printf '%s\\n' "${{COMPREPLY[@]}}" """
        done = subprocess.run(["bash", "-c", script, "bash", *words], capture_output=True, check=True,
                              input=self.ok("describe", "bash"))
        self.assertEqual(done.stderr, b"")
        return done.stdout.decode().split()

    def test_bash_completes_commands_options_and_their_words(self):
        self.assertEqual(self.completed("st"), ["stat", "stop"])
        self.assertEqual(set(self.commands()) - set(self.completed("")), set())
        self.assertEqual(self.completed("load", "data", "--as", ""), ["text", "msgpack"])
        self.assertEqual(self.completed("serve", "data", "--durability", "o"), ["os"])
        self.assertEqual(self.completed("load", "data", "--by", "x"), [])
        self.assertEqual(self.completed("load", "d"), [])
        for command in self.commands():
            self.assertEqual(set(self.completed(command, "-")), self.options(command))

    def test_other_shells_can_read_theirs(self):
        for shell in ("zsh", "fish"):
            with self.subTest(shell):
                if not shutil.which(shell):
                    self.skipTest(f"there is no {shell}")
                done = subprocess.run([shell, "-n", "/dev/stdin"], capture_output=True, check=False,
                                      input=self.ok("describe", shell))
                self.assertEqual((done.returncode, done.stderr), (0, b""))


if __name__ == "__main__":
    unittest.main()
