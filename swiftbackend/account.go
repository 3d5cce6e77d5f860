package swiftbackend

import (
	"context"
	"net/http"
	"strconv"
)

// AccountInfo is what a HEAD of the account tells.
type AccountInfo struct {
	Containers int64
	Objects    int64
	Bytes      int64
	QuotaBytes int64 // 0: none
	Header     http.Header
}

// Account asks for the account's totals. They may lag behind in a cluster.
func (c *Client) Account(ctx context.Context) (AccountInfo, error) {
	h, _, err := c.quietly(ctx, &request{method: http.MethodHead, what: "account"})
	if err != nil {
		return AccountInfo{}, err
	}
	return AccountOf(h), nil
}

// AccountOf reads what the header of an answer tells of the account: that of a
// HEAD, or of a listing.
func AccountOf(h http.Header) AccountInfo {
	return AccountInfo{
		Containers: number(h, "X-Account-Container-Count"), Objects: number(h, "X-Account-Object-Count"),
		Bytes: number(h, "X-Account-Bytes-Used"), QuotaBytes: number(h, "X-Account-Meta-Quota-Bytes"), Header: h,
	}
}

// number reads a header that is a whole number; 0 when it is missing or is not.
func number(h http.Header, key string) int64 {
	n, err := strconv.ParseInt(h.Get(key), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
