"""Generated from the contract, proto/signalbox/v1, by scripts/generate.py. Not for editing.

Messages are in `*_pb2`, stubs in `*_pb2_grpc`. The rest of `signalbox` is written on top of them.
"""
