package integration

import "testing"

func TestTheDemoHolds(t *testing.T) {
	got := swiftfs(t, account{}, "demo")
	if got.code != 0 {
		t.Errorf("the demo ends with %d:\n%s", got.code, got.out)
	}
}
