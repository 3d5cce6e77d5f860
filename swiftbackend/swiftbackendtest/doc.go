// Package swiftbackendtest is the contract of swiftbackend.Client as tests:
// what its callers rely on, whatever the server. [Run] runs it against any
// server; swiftbackend runs it against fakeswift, package integration against
// OpenStack Swift and Ceph RGW, so that the fake cannot drift from the truth.
//
// Servers differ. A Target declares how in its Capabilities, and every
// difference is asserted as what that server does do: no test is left out
// because a server cannot do something. What the client itself found out about
// the server, Client.Info, is compared with the same declaration.
//
// Every test has a container of its own, with a random name, and removes it.
package swiftbackendtest
