#!/usr/bin/env python3
"""Deletes a topic, or the records of a topic before given offsets.

    python3 tests/kafka/topics.py --brokers 127.0.0.1:9092 delete TOPIC
    python3 tests/kafka/topics.py --brokers 127.0.0.1:9092 delete-records TOPIC 0=1200 1=900

Prints nothing. Exit codes: 0 done; 1 Kafka refused; 2 usage; 3 confluent-kafka is missing.
"""

import argparse
import sys

try:
    from confluent_kafka import KafkaException, TopicPartition
    from confluent_kafka.admin import AdminClient
except ImportError:
    print(
        "topics: the Python package confluent-kafka is missing; "
        "run: python3 -m pip install -r tests/kafka/requirements.txt",
        file=sys.stderr,
    )
    sys.exit(3)

TIMEOUT_S = 60


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--brokers", required=True, help="bootstrap list")
    commands = parser.add_subparsers(dest="command", required=True)
    delete = commands.add_parser("delete", help="delete a topic")
    delete.add_argument("topic")
    records = commands.add_parser("delete-records", help="delete the records before offsets")
    records.add_argument("topic")
    records.add_argument("before", nargs="+", type=place, metavar="PARTITION=OFFSET")
    return parser.parse_args()


def place(text):
    partition, _, offset = text.partition("=")
    return int(partition), int(offset)


def main():
    options = arguments()
    admin = AdminClient({"bootstrap.servers": options.brokers})
    try:
        if options.command == "delete":
            futures = admin.delete_topics([options.topic], operation_timeout=TIMEOUT_S)
        else:
            before = [TopicPartition(options.topic, partition, offset) for partition, offset in options.before]
            futures = admin.delete_records(before, request_timeout=TIMEOUT_S)
        for future in futures.values():
            future.result(TIMEOUT_S)
    except KafkaException as error:
        print(f"topics: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
