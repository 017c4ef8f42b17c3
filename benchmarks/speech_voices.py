"""Speak words with espeak-ng, for training data: synthetic voices beside recorded ones.

    python benchmarks/speech_voices.py OUT

makes OUT/<word>/<voice>_nohash_<n>.flac, one second at 16 kHz each: the ten command words, the
further words of Speech Commands, and a few hundred others, some alone and some as running speech
(folder `phrase`). A file's name begins with its voice, so that a division by speaker keeps voices
apart. The same seed says the same words in the same voices; `HELD` are left out, to be tried on.
"""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile
import soxr


def words(text: str) -> list[str]:
    """The words of a line."""
    return text.split()


COMMANDS = words("yes no up down left right on off stop go")
FURTHER = words(
    "backward bed bird cat dog eight five follow forward four happy house learn marvin nine one "
    "seven sheila six three tree two visual wow zero"
)
OTHERS = words(
    "about above across again air animal apple arm autumn baby back ball bank basket beach because "
    "before begin best better between big black blue boat body book bottle box bread break bridge "
    "bright bring brother brown build bus butter button buy call camera cap car card care carry "
    "chair change cheese child church city class clean clear clock close cloud coat coffee cold "
    "colour come computer cook copper corner country cover cup dance dark daughter dawn day dear "
    "deep desk dinner door double draw dream dress drink drive dry early earth east easy eat edge "
    "egg empty end engine evening every face fall family far farm fast father feet field fill film "
    "find finger finish fire fish floor flower fly food foot forest friend from full garden gate "
    "ghost girl give glass gold gown grass great green ground grow guess hair half hand hard hat "
    "head hear heart heavy help high hill history hold hole home hope horse hospital hot hour how "
    "hundred ice idea inside island join jump keep key kitchen knee lady lake language large last "
    "later laugh leaf leave leg lesson letter library lift light like line list little long look "
    "loud low lunch machine make man many map market may mean meat meet middle milk minute money "
    "month moon more morning mother mountain mouse mouth move music name near neck need nest never "
    "new night noise north nose note nothing number ocean office often old open orange other "
    "outside own page paint paper park part party pass pay pencil people picture piece place plane "
    "plant plate play please point poor power press price purple question quick quiet rain reach "
    "read ready red remember rest rice river road roof room round run salt same sand say school "
    "sea second see sell send shape ship shirt shoe shop short show side silver sing sister sit "
    "sky sleep slow small smile snow soap soft some song soon soup south space speak spoon sport "
    "spring square stand star start station stay step stick stock stone story street strong sugar "
    "summer sun sweet swim table take talk tall tea teach tell thank thing think ticket tide time "
    "today toe together tomorrow tooth top towel town toy train travel true turn twenty uncle "
    "under until use valley very village visit voice wait walk wall want warm wash watch water "
    "wave way wear weather week well west wet what wheel when where white wide wild wind window "
    "winter woman wonder wood word work world year yeah yellow yesterday yet you young"
)
ACCENTS = words("en-us en-us en-us en-gb en-gb-scotland en-gb-x-rp en-gb-x-gbclan en-029")
VOICES = words(
    "adam Alex Alicia Andrea Andy Annie antonio aunty belinda benjamin boris caleb david Denis "
    "Diogo ed edward edward2 Gene grandma grandpa Henrique Hugo iven iven2 iven3 john klatt klatt2 "
    "klatt3 klatt4 lee linda marcelo Marco mario max michael michel miguel mike norbert pablo paul "
    "pedro quincy rob robert sandro shelby steph steph2 steph3 travis victor zac anika f1 f2 f3 "
    "f5 m1 m2 m3 m5 m6 m7 m8"
)
#: Voices that nothing is trained on, and espeak-ng's own without a variant.
HELD = words("f4 m4 Jacky Nguyen Michael Storm")
RATE = 16_000
PER_COMMAND, PER_FURTHER, PER_OTHER, PHRASES = 100, 30, 3, 600


def main(out: Path) -> None:
    """Write all clips."""
    random = np.random.default_rng(0)
    plan = [word for word in COMMANDS for _ in range(PER_COMMAND)]
    plan += [word for word in FURTHER for _ in range(PER_FURTHER)]
    plan += [word for word in OTHERS for _ in range(PER_OTHER)]
    for number, word in enumerate(plan):
        voice = str(random.choice(VOICES))
        write(out / word / f"{voice}_nohash_{number}.flac", place(say(word, voice, random), random))
    for number in range(PHRASES):
        phrase = " ".join(random.choice(OTHERS, 5).tolist())
        voice = str(random.choice(VOICES))
        wave = say(phrase, voice, random)
        start = int(random.integers(max(1, len(wave) - RATE)))
        write(out / "phrase" / f"{voice}_nohash_{number}.flac", wave[start : start + RATE])


def say(text: str, voice: str, random: np.random.Generator) -> np.ndarray:
    """The text in that voice, in a random accent, tempo and pitch: samples at `RATE`."""
    accent = str(random.choice(ACCENTS))
    speed, pitch = int(random.integers(110, 210)), int(random.integers(25, 80))
    command = ["espeak-ng", "-v", f"{accent}+{voice}", "-s", str(speed), "-p", str(pitch)]
    made = subprocess.run([*command, "--stdout", text], capture_output=True, check=True).stdout
    wave, rate = soundfile.read(io.BytesIO(made), dtype="float32")
    return np.asarray(soxr.resample(wave, rate, RATE), dtype=np.float32)


def place(wave: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The loud part of a word, somewhere about the middle of a second of silence."""
    loud = np.flatnonzero(np.abs(wave) > 0.02 * np.abs(wave).max())
    wave = wave[loud[0] : loud[-1] + 1][:RATE]
    spare = RATE - len(wave)
    start = int(np.clip(spare / 2 + random.normal(0, spare / 8), 0, spare))
    return np.pad(wave, (start, spare - start))


def write(path: Path, wave: np.ndarray) -> None:
    """Write a clip, quieter than espeak-ng speaks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.5 * wave, RATE, subtype="PCM_16")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
