// Package fakeswift is an in-process object store that behaves like OpenStack Swift 2.30.1: the server that
// "swiftfs demo" and the tests run on. It knows none of the other packages of swiftfs; it is what they are
// tested against, over real HTTP.
//
// # What it is faithful to
//
// Status codes, headers, listing formats and rounding follow what was observed of the real server, question by
// question, its oddities included: a PUT that started later wins over one that ended later, Last-Modified is
// rounded up, a POST replaces all metadata, spaces after ';' vanish from listed content types, COPY of a large
// object joins its segments, If-None-Match on a COPY is asked of the source, If-Range is ignored. The contract
// suite of swiftbackend runs against this server and the real ones, so that a difference shows.
//
// Known differences: the reason phrase of 499; ACLs are stored and not enforced (ReaderUser stands in for them);
// X-Versions-Location, extract-archive, temporary URLs, static web, data segments of a manifest ("data") and XML
// listings are missing. A GET of a large object looks at all its segments before the first byte and answers 500 if
// one is not what the manifest says, where Swift may have sent the first segments by then; a segment that goes
// away later cuts the answer short, as in Swift. Symlinks and copies stay within their account.
//
// # Structure
//
// ServeHTTP parses the path into a route, counts the request, delays it, passes it through the faults and
// serves it. Handlers are methods of request and return a failure, or nil once they have answered. Everything that
// can refuse an upload is asked before its body is read, because net/http sends 100 Continue with the first read.
//
// An account is an index of containers, a container an index of versions. An index is a sorted list of sorted blocks:
// a listing seeks its marker by binary search, and a delimiter seeks past the whole subtree that a subdir row stands
// for, so that listings of a container with a million names cost what they return.
//
// A version never changes once stored; POST and COPY store another that shares its blob. A blob is the bytes, in memory
// or in a file of Options.Dir, and counts who uses it: a GET keeps the bytes it began with, whatever happens to the
// object meanwhile, and the last one out removes the file.
//
// # Locking
//
// The account's mutex is taken before a container's; two containers are never locked at once. Locks are held to
// look something up or to change it, never while a body is read or written.
//
// # Keystone
//
// Version 2 and 3 logins accept the users of the v1 login under their short names. The catalog has two regions and
// three interfaces. An endpoint shows where its URL came from: RegionTwo leads to RegionTwoAccount, the internal and
// admin interfaces to a path that begins with /internal or /admin (Request.Endpoint). LastScope tells what the last
// login asked for.
//
// # Faults
//
// Inject puts a Fault in place: which requests (Kind, Match, Skip, Times) and what happens to them (an Action).
// Faults nest in the order of their injection, and each counts its hits, so that a test can assert that the error
// it injected surfaced. FailEvery makes a random part of all requests fail. LagListings holds changes back from
// listings and from the totals of containers and accounts, as a cluster does whose container updates are late;
// a container is deleted only if neither its listing nor the truth has an object.
//
// # Counts
//
// A request is counted when it arrives and its status and bytes are noted before they leave, so that a client which
// holds an answer finds it counted. (Only with Options.Dir, where the kernel sends the file, BytesOut may come late.)
package fakeswift
