//go:build rgw

package integration

import "testing"

func TestRGWJobs(t *testing.T) {
	srv := radosGateway(t)
	jobTable(t, account{srv.AuthURL, srv.User, srv.Key}, "jobs-")
}
