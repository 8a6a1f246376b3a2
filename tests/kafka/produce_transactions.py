#!/usr/bin/env python3
"""Produces recorded frames to Kafka in transactions, some committed and some aborted, and prints what was committed.

    python3 tests/kafka/produce_transactions.py --brokers 127.0.0.1:9092 --topic t --compression zstd \\
        --partitions 4 --frames tests/fixtures/small.frames --count 200000 --seed 7

Two transactional producers take turns, so that an aborted transaction lies between the batches of a committed one. The
seed fixes the sizes of transactions, their order and their ends; the offsets are the broker's answer. Frames go out in
file order from --first, beginning again at the end of the file, each to the partition it names (modulo --partitions),
with its key and its value.

Output, one JSON object:

    {"topic": .., "compression": .., "partitions": 4, "seed": 7, "frames_in_file": 2090, "first": 0, "next": 200000,
     "transactions": {"committed": 310, "aborted": 98},
     "committed": {"0": {"count": 2, "offsets": [0, 2], "frames": [0, 5]}, ..},
     "aborted":   {"0": {"count": 1, "offsets": [1], "frames": [3]}, ..}}

`offsets` rise; `frames[i]` is the frame number in the file of the record at `offsets[i]`; `next` is the --first that
goes on where this call ended. Exit codes: 0 done; 1 Kafka or the file refused; 2 usage; 3 confluent-kafka is missing.
"""

import argparse
import json
import mmap
import random
import struct
import sys

try:
    from confluent_kafka import KafkaError, KafkaException, Producer
    from confluent_kafka.admin import AdminClient, NewTopic
except ImportError:
    print(
        "produce_transactions: the Python package confluent-kafka is missing; "
        "run: python3 -m pip install -r tests/kafka/requirements.txt",
        file=sys.stderr,
    )
    sys.exit(3)

TIMEOUT_S = 60
# What the topic setting compression.type calls "no codec".
TOPIC_COMPRESSION = {"none": "uncompressed"}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--brokers", required=True, help="bootstrap list")
    parser.add_argument("--topic", required=True)
    parser.add_argument("--frames", required=True, help="a frames file")
    parser.add_argument("--count", type=positive, required=True, help="records to produce, aborted ones included")
    parser.add_argument("--partitions", type=positive, default=4)
    parser.add_argument(
        "--compression",
        choices=["none", "gzip", "snappy", "lz4", "zstd", "producer"],
        default="zstd",
        help="the topic's compression.type: the broker compresses anew",
    )
    parser.add_argument(
        "--producer-compression",
        choices=["none", "gzip", "snappy", "lz4", "zstd"],
        default="none",
        help="the producer's compression.type",
    )
    parser.add_argument("--config", action="append", default=[], metavar="NAME=VALUE", help="further topic settings")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first frame")
    parser.add_argument("--transaction-size", type=positive, default=500, help="mean records per transaction")
    parser.add_argument("--abort", type=float, default=0.25, help="share of transactions that are aborted")
    parser.add_argument("--existing", action="store_true", help="the topic exists; do not create it")
    return parser.parse_args()


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is below 1")
    return value


def read_frames(path):
    """The (partition, key, value) of each frame: u32 partition, u32 length and key, u32 length and value."""
    frames = []
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = 0
        while at < len(data):
            partition, key_length = struct.unpack_from("<II", data, at)
            key = data[at + 8 : at + 8 + key_length]
            at += 8 + key_length
            (value_length,) = struct.unpack_from("<I", data, at)
            value = data[at + 4 : at + 4 + value_length]
            at += 4 + value_length
            if at > len(data):
                raise ValueError(f"{path}: frame {len(frames)} is cut short")
            frames.append((partition, key, value))
    if not frames:
        raise ValueError(f"{path}: no frames")
    return frames


def create_topic(options):
    config = {"compression.type": TOPIC_COMPRESSION.get(options.compression, options.compression)}
    config.update(setting.split("=", 1) for setting in options.config)
    admin = AdminClient({"bootstrap.servers": options.brokers})
    topic = NewTopic(options.topic, num_partitions=options.partitions, replication_factor=1, config=config)
    admin.create_topics([topic], operation_timeout=TIMEOUT_S)[options.topic].result(TIMEOUT_S)


class Transactions:
    """One transactional producer and the transaction it is in."""

    def __init__(self, options, name, dice):
        self.producer = Producer(
            {
                "bootstrap.servers": options.brokers,
                "transactional.id": f"quipu-{options.topic}-{options.seed}-{options.first}-{name}",
                "compression.type": options.producer_compression,
                "linger.ms": 5,
            }
        )
        self.producer.init_transactions(TIMEOUT_S)
        self.options = options
        self.dice = dice
        self.left = 0
        self.delivered = []
        self.failure = None

    def is_open(self):
        return self.left > 0

    def produce(self, number, partition, key, value):
        """Sends one record, beginning a transaction if none is open. True when the transaction is full."""
        if not self.is_open():
            self.producer.begin_transaction()
            self.left = self.dice.randint(1, 2 * self.options.transaction_size - 1)
            self.delivered = []

        def on_delivery(error, message):
            if error is not None:
                self.failure = KafkaException(error)
            else:
                self.delivered.append((message.partition(), message.offset(), number))

        while True:
            try:
                self.producer.produce(
                    self.options.topic, value=value, key=key, partition=partition, on_delivery=on_delivery
                )
                break
            except BufferError:
                self.producer.poll(1)
        self.producer.poll(0)
        self.left -= 1
        return self.left == 0

    def end(self, totals):
        """Commits or aborts, after every record has reached the log: an aborted one must be there to be skipped."""
        self.left = 0
        if self.producer.flush(TIMEOUT_S) > 0:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "records were not delivered within the time limit"))
        if self.failure is not None:
            raise self.failure
        if self.dice.random() < self.options.abort:
            self.producer.abort_transaction(TIMEOUT_S)
            outcome = "aborted"
        else:
            self.producer.commit_transaction(TIMEOUT_S)
            outcome = "committed"
        totals["transactions"][outcome] += 1
        for partition, offset, number in self.delivered:
            totals[outcome][partition].append((offset, number))
        self.delivered = []


def produce(options, frames):
    # One source of chance for all decisions, none for the broker's answers: equal seeds make equal transactions.
    dice = random.Random(options.seed)
    lanes = [Transactions(options, name, dice) for name in ("a", "b")]
    totals = {
        "transactions": {"committed": 0, "aborted": 0},
        "committed": {partition: [] for partition in range(options.partitions)},
        "aborted": {partition: [] for partition in range(options.partitions)},
    }
    lane = lanes[0]
    stay = 0
    for step in range(options.count):
        if stay == 0:
            lane = dice.choice(lanes)
            stay = dice.randint(1, max(1, options.transaction_size // 2))
        stay -= 1
        number = (options.first + step) % len(frames)
        partition, key, value = frames[number]
        if lane.produce(number, partition % options.partitions, key, value):
            lane.end(totals)
    for lane in lanes:
        if lane.is_open():
            lane.end(totals)
    return totals


def listed(by_partition):
    result = {}
    for partition, records in by_partition.items():
        records.sort()
        result[str(partition)] = {
            "count": len(records),
            "offsets": [offset for offset, _ in records],
            "frames": [number for _, number in records],
        }
    return result


def main():
    options = arguments()
    try:
        frames = read_frames(options.frames)
        if not options.existing:
            create_topic(options)
        totals = produce(options, frames)
    except (OSError, ValueError, struct.error, KafkaException) as error:
        print(f"produce_transactions: {error}", file=sys.stderr)
        return 1
    print(
        json.dumps(
            {
                "topic": options.topic,
                "compression": options.compression,
                "partitions": options.partitions,
                "seed": options.seed,
                "frames_in_file": len(frames),
                "first": options.first,
                "next": options.first + options.count,
                "transactions": totals["transactions"],
                "committed": listed(totals["committed"]),
                "aborted": listed(totals["aborted"]),
            },
            separators=(",", ":"),
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
