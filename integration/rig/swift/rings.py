"""Writes rings of one partition with one replica: rings.py DIR [KIND PORT]...

The calls are those of swift-ring-builder, in one process for all rings.
"""
import os
import sys

from swift.common.ring import RingBuilder

directory, rest = sys.argv[1], sys.argv[2:]
for kind, port in zip(rest[::2], map(int, rest[1::2])):
    builder = RingBuilder(part_power=0, replicas=1, min_part_hours=0)
    builder.add_dev({
        "region": 1, "zone": 1, "device": "sdb1", "weight": 1, "meta": "",
        "ip": "127.0.0.1", "port": port,
        "replication_ip": "127.0.0.1", "replication_port": port,
    })
    builder.rebalance()
    builder.get_ring().save(os.path.join(directory, kind + ".ring.gz"))
