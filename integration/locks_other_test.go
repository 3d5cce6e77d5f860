//go:build !linux

package integration

const lockVariable = "SWIFTFS_TEST_LOCK"

func holdLock(string) int { return 1 }
