package fs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"

	"swiftfs/swiftbackend"
)

func TestErrorsBecomeTheErrnoThatProgramsExpect(t *testing.T) {
	kind := func(k swiftbackend.Kind) error {
		return fmt.Errorf("wrapped: %w", &swiftbackend.Error{Op: "PUT object", Path: "c/o", Kind: k})
	}
	for _, c := range []struct {
		err  error
		want syscall.Errno
	}{
		{nil, 0},
		{kind(swiftbackend.KindNotExist), syscall.ENOENT},
		{kind(swiftbackend.KindExist), syscall.EEXIST},
		{kind(swiftbackend.KindNotEmpty), syscall.ENOTEMPTY},
		{kind(swiftbackend.KindConflict), syscall.EBUSY},
		{kind(swiftbackend.KindChanged), syscall.ESTALE},
		{kind(swiftbackend.KindDenied), syscall.EACCES},
		{kind(swiftbackend.KindUnauthorized), syscall.EACCES},
		{kind(swiftbackend.KindQuota), syscall.EDQUOT},
		{kind(swiftbackend.KindTooLarge), syscall.EFBIG},
		{kind(swiftbackend.KindInvalid), syscall.EINVAL},
		{kind(swiftbackend.KindUnsupported), syscall.EOPNOTSUPP},
		{kind(swiftbackend.KindTimeout), syscall.ETIMEDOUT},
		{kind(swiftbackend.KindCanceled), syscall.EINTR},
		{kind(swiftbackend.KindOther), syscall.EIO},
		{kind(swiftbackend.KindChecksum), syscall.EIO},
		{kind(swiftbackend.KindUnavailable), syscall.EIO},
		{kind(swiftbackend.KindNetwork), syscall.EIO},
		{kind(swiftbackend.KindTLS), syscall.EIO},
		{fmt.Errorf("a reason: %w", syscall.ENAMETOOLONG), syscall.ENAMETOOLONG},
		{context.Canceled, syscall.EINTR},
		{fmt.Errorf("wrapped: %w", context.DeadlineExceeded), syscall.EINTR},
		{os.ErrClosed, syscall.EBADF},
		{io.ErrUnexpectedEOF, syscall.EIO},
		{errors.Join(errors.New("one"), kind(swiftbackend.KindQuota)), syscall.EDQUOT},
	} {
		if got := toErrno(c.err); got != c.want {
			t.Errorf("%v is %v, want %v", c.err, got, c.want)
		}
	}
	for k := swiftbackend.KindOther; k <= swiftbackend.KindCanceled; k++ {
		if toErrno(kind(k)) == 0 {
			t.Errorf("kind %d is a success", k)
		}
	}
}
