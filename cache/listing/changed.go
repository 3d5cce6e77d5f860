package listing

// Changed is the logical time at which an own change in dir came or went last, or
// at which what was known of it was invalidated. While it stays the same, an
// answer about dir is right for what is left of its TTL. It is later than it need
// be when the cache has forgotten when that was.
func (c *Cache) Changed(dir Dir) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.stateLocked(dir)
	defer c.restLocked(d)
	return max(d.changed, d.gen, c.invalid)
}
