package swiftbackend

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestASmallBodyIsSentWithItsHeader(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // of this process
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	first := make(chan []byte, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		buf := make([]byte, 1<<20)
		n, err := conn.Read(buf)
		if err != nil {
			t.Error(err)
		}
		first <- buf[:n]
		_, _ = io.WriteString(conn, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	}()
	base, err := httpTransport(Config{Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	chain := &stallTransport{next: base, limit: time.Minute}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+l.Addr().String()+"/v1/a/c/o", nil)
	if err != nil {
		t.Fatal(err)
	}
	body := strings.Repeat("x", 4096)
	if err := setBody(req, int64(len(body)), func() io.Reader { return io.LimitReader(strings.NewReader(body), 4096) }); err != nil {
		t.Fatal(err)
	}
	resp, err := chain.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if got := <-first; !bytes.HasSuffix(got, []byte("\r\n\r\n"+body)) {
		t.Errorf("the first read of the server has %d bytes, want the header and %d bytes of body", len(got), len(body))
	}
}
