package fs

import (
	"strings"
	"testing"
	"time"
)

func TestTheDefaultsAreValid(t *testing.T) {
	c := DefaultConfig()
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	if sum := c.listingMemory() + c.writeMemory() + c.readMemory(); sum > c.MemoryLimit {
		t.Errorf("the parts of the memory are %d of %d bytes", sum, c.MemoryLimit)
	}
}

func TestValidateNamesWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		change func(*Config)
		want   string
	}{
		{func(c *Config) { c.CacheTTL = -time.Second }, "cache-ttl -1s is negative"},
		{func(c *Config) { c.MemoryLimit = leastMemory - 1 }, "memory-limit 67108863 is below the 64 MiB"},
		{func(c *Config) { c.SegmentSize = 1000 }, "segment-size 1000 is below 1 MiB"},
		{func(c *Config) { c.SegmentSize = c.MemoryLimit }, "does not fit the memory for uploads"},
		{func(c *Config) { c.UploadConcurrency = 0 }, "upload-concurrency 0 is below 1"},
		{func(c *Config) { c.ReadAhead = -1 }, "read-ahead -1 is negative"},
		{func(c *Config) { c.DirMode = 0o10000 }, "permissions in octal"},
		{func(c *Config) { c.FileMode = 0o10000 }, "permissions in octal"},
		{func(c *Config) { c.Umask = 0o1000 }, "permissions in octal"},
	} {
		cfg := DefaultConfig()
		c.change(&cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}

func TestTheSentenceAboutSegmentsNamesAMemoryThatIsEnough(t *testing.T) {
	c := DefaultConfig()
	c.SegmentSize = 100 * mib
	if c.Validate() == nil {
		t.Fatal("100 MiB segments fit the default memory")
	}
	c.MemoryLimit = c.SegmentSize*8/3 + 1
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

func TestModesFollowTheUmaskUnlessTheyAreGiven(t *testing.T) {
	c := Config{Umask: 0o027}
	if c.dirMode() != 0o750 || c.fileMode() != 0o640 {
		t.Errorf("umask 027 makes %o and %o", c.dirMode(), c.fileMode())
	}
	c.DirMode, c.FileMode = 0o700, 0o600
	if c.dirMode() != 0o700 || c.fileMode() != 0o600 {
		t.Errorf("the modes are %o and %o", c.dirMode(), c.fileMode())
	}
}
