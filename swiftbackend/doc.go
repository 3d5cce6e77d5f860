// Package swiftbackend is everything swiftfs knows about OpenStack Swift and
// about Ceph RGW's Swift API: authentication, one request pipeline, listings,
// objects, manifests, and the errors they end in. It is the only package that
// imports the Swift client library, github.com/ncw/swift.
//
// # The client
//
// [Dial] logs in, asks /info what the server can do and returns a [Client].
// There is one concrete Client and no in-memory twin of it: tests run it
// against package fakeswift, an HTTP server, and one contract suite runs the
// same against fakeswift, OpenStack Swift and RGW.
//
// Every method takes the context of the work's owner, is safe for concurrent
// use, and returns an [*Error], which names the operation and the path and
// has a [Kind]; errors.Is understands the values of io/fs (fs.ErrNotExist,
// fs.ErrExist, fs.ErrPermission). Container and object names are Go strings as
// the server has them, unquoted.
//
// # The pipeline
//
// A request passes a chain of http.RoundTrippers, one small type each:
//
//	token → retry → limit → metrics → stall → net/http
//
// token puts the current token on the request, renews it ahead of its expiry
// and once for all callers, and repeats a request that is answered 401 with a
// fresh token; a redirection ends there, since following it would send the token
// to another place and turn a DELETE into a GET. retry repeats what may succeed
// later, with exponential back-off and jitter or after the server's own
// Retry-After; bodies are rewound through http.Request.GetBody, so a request
// without one is never repeated. limit bounds the number of requests under way.
// metrics counts. stall gives up on an attempt that makes no progress.
//
// Whether an answer was lost (the connection broke after the request was sent)
// is remembered with the request: a DELETE that is repeated after such a loss
// and finds nothing has done its work.
//
// # What comes from ncw/swift, and what does not
//
// Authentication of every kind (v1, Keystone v2 and v3) is the library's, on a
// Connection made for one login at a time: sharing one Connection for logins
// and requests lets any 401 throw away a token that another goroutine has just
// renewed, and sends requests to an empty URL. Requests without a large body
// are built and checked by Connection.Call with its own retries turned off
// (Retries: -1), a token that the token stage replaces, and the storage URL
// given in each call, so that none of its re-authentication paths is taken.
//
// Bodies leave that path, in stream.go: Call sends "Expect: 100-continue" with
// every body, which costs a small PUT one more round trip, and wraps response
// bodies in a reader that starts a goroutine and a timer for each Read and may
// write into the caller's buffer after a time-out. The stall stage does the
// same watching with one timer a request. A small body is in memory, so that it
// goes with its header; a large answer is read in large pieces where it comes fast
// (lowwater.go).
//
// /info is asked at all the places where servers have it, because the
// library derives the wrong one from RGW's storage URL (/swift/v1).
// Objects in segments are written by large.go, not by the
// library's writer, which uploads one segment after the other and deletes the
// old object first.
//
// # Large objects
//
// A large object is a sequence of pieces ([Piece]): segments, or ranges of them.
// An object owns the segments that its manifest names and that an upload made
// ([Client.OwnSegments]); each is named by one object, so that it can be deleted
// with it. That holds because a rename takes the manifest along and leaves nothing
// behind ([Client.Move]), and a copy gets segments of its own
// ([Client.Duplicate]).
//
// The segments of a container's objects are in another one, which is made when the
// first is to be stored: the one request that finds it missing goes ahead of all
// others (segment_container.go), so that it costs two requests once, however many
// segments are on their way.
//
// A rename that is cut off leaves two manifests of the same segments. Each has the
// other's name in its metadata, as X-Object-Meta-Other-Name-0, and so no segment is
// deleted that the other still names: see shared.go, which has the whole of it. On
// RGW only the new one knows the other: there the data of both is lost when the one
// under the old name is deleted, or loses a segment in an edit, before the rename is
// repeated or the new one deleted. A mark by a COPY of the old one onto itself may
// close that.
//
// [Client.Revise] makes a new version out of the pieces of the old one. Segments
// never change: what differs is a new one, and the manifest, put last, decides.
// So at each instant there is the old version or the new, whole, and what is left of
// a revision that was cut off is segments that nothing names.
//
// How much can stay is the server's matter. OpenStack Swift takes ranges of
// segments, and gives a manifest back. RGW ignores the ranges and tells nobody
// what a manifest names: there whole segments stay or go, and the names of the
// segments have to tell. All those of one object are one series, whose numbers
// follow the content; a segment that replaces another has its number and a later
// time. [Client.Layout] lists them and believes the list if it amounts to the
// object's ETag. It cannot find those of an object that was renamed, or put by
// others under names of another form.
//
// # Goroutines
//
// The client owns one kind of goroutine, a login under way; [Client.Close]
// waits for it.
package swiftbackend
