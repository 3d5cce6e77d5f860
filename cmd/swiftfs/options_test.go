package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

// optionSamples has, for each option, a value other than its default and how
// the option prints it.
var optionSamples = map[string][2]string{
	"read-only":           {"true", "true"},
	"uid":                 {"4711", "4711"},
	"gid":                 {"4712", "4712"},
	"umask":               {"077", "077"},
	"dir-mode":            {"0750", "0750"},
	"file-mode":           {"640", "0640"},
	"attrs":               {"head", "head"},
	"allow-other":         {"yes", "true"},
	"default-permissions": {"on", "true"},
	"show-segments":       {"1", "true"},
	"symlinks":            {"native", "native"},
	"cache-ttl":           {"5", "5s"},
	"memory-limit":        {"1GiB", "1GiB"},
	"segment-size":        {"64MiB", "64MiB"},
	"upload-concurrency":  {"9", "9"},
	"read-ahead":          {"1000", "1000"},
	"cache-dir":           {"/var/cache/swiftfs", "/var/cache/swiftfs"},
	"cache-size":          {"10GiB", "10GiB"},
	"requests":            {"7", "7"},
	"credentials":         {"/etc/swiftfs/a", "/etc/swiftfs/a"},
	"auth-version":        {"2.0", "2"},
	"region":              {"RegionTwo", "RegionTwo"},
	"endpoint-type":       {"internal", "internal"},
	"ca-cert":             {"/etc/ca.pem", "/etc/ca.pem"},
	"insecure":            {"true", "true"},
	"timeout":             {"1m30s", "1m30s"},
	"mount-timeout":       {"90", "1m30s"},
	"log-level":           {"debug", "debug"},
	"log-format":          {"json", "json"},
	"log-requests":        {"true", "true"},
	"metrics-address":     {"9100", "127.0.0.1:9100"},
	"foreground":          {"true", "true"},
}

func allowUnexported() cmp.Option {
	return cmp.AllowUnexported(options{}, accessOptions{}, dataOptions{}, serverOptions{}, processOptions{})
}

func TestTheOptionNamesAreThoseThatScriptsRelyOn(t *testing.T) {
	var got []string
	for _, o := range defaultOptions().table() {
		got = append(got, o.name)
	}
	want := strings.Fields(`read-only uid gid umask dir-mode file-mode allow-other default-permissions cache-ttl memory-limit
		attrs show-segments symlinks segment-size upload-concurrency read-ahead cache-dir cache-size requests credentials auth-version region endpoint-type ca-cert
		insecure timeout mount-timeout log-level log-format log-requests metrics-address foreground`)
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(got, want); diff != "" {
		t.Error(diff)
	}
}

func TestFlagsAndWordsSetTheSameOptions(t *testing.T) {
	for _, row := range defaultOptions().table() {
		sample, ok := optionSamples[row.name]
		if !ok {
			t.Errorf("no sample for option %s", row.name)
			continue
		}
		byFlag, byWord, byUnderscore := defaultOptions(), defaultOptions(), defaultOptions()
		flags := pflag.NewFlagSet("", pflag.ContinueOnError)
		addFlags(flags, byFlag.table())
		if err := flags.Parse([]string{"--" + row.name + "=" + sample[0]}); err != nil {
			t.Error(err)
		}
		if err := (&words{rows: byWord.table()}).Set("rw," + row.name + "=" + sample[0]); err != nil && row.name != "read-only" {
			t.Error(err)
		}
		if err := (&words{rows: byUnderscore.table()}).Set(strings.ReplaceAll(row.name, "-", "_") + "=" + sample[0]); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(byFlag, byWord, allowUnexported()); diff != "" {
			t.Errorf("%s: flag and word differ: %s", row.name, diff)
		}
		if diff := cmp.Diff(byFlag, byUnderscore, allowUnexported()); diff != "" {
			t.Errorf("%s: flag and word with underscores differ: %s", row.name, diff)
		}
		if cmp.Equal(byFlag, defaultOptions(), allowUnexported()) {
			t.Errorf("%s=%s changed nothing", row.name, sample[0])
		}
		if got := flags.Lookup(row.name).Value.String(); got != sample[1] {
			t.Errorf("%s=%s prints as %q, want %q", row.name, sample[0], got, sample[1])
		}
	}
}

func TestSwitchesNeedNoValue(t *testing.T) {
	o := defaultOptions()
	if err := (&words{rows: o.table()}).Set("allow_other,ro,show-segments=off"); err != nil {
		t.Fatal(err)
	}
	if !o.access.allowOther || !o.access.readOnly || o.access.showSegments {
		t.Errorf("got %+v", o.access)
	}
	if err := (&words{rows: o.table()}).Set("rw"); err != nil || o.access.readOnly {
		t.Errorf("rw after ro: %v, %+v", err, o.access)
	}
}

func TestWordsOfMountAndSystemdAreAcceptedInSilence(t *testing.T) {
	const all = "defaults,noauto,auto,nofail,_netdev,user,users,owner,group,exec,noexec,suid,nosuid,dev,nodev,sync,async,atime,noatime,relatime," +
		"x-systemd.automount,x-systemd.idle-timeout=60,x-gvfs-show,X-mount.mkdir,comment=hello,fsname=x,subtype=swiftfs,nonempty,,"
	o := defaultOptions()
	if err := (&words{rows: o.table()}).Set(all); err != nil {
		t.Error(err)
	}
	if !cmp.Equal(o, defaultOptions(), allowUnexported()) {
		t.Error("words of others changed options")
	}
}

func TestWrongWordsGetASentence(t *testing.T) {
	for _, c := range []struct{ words, want string }{
		{"alow-other", `unknown option "alow-other"; did you mean "allow-other"?`},
		{"allow_othr", `unknown option "allow_othr"; did you mean "allow-other"?`},
		{"cache-tll=5", `unknown option "cache-tll"; did you mean "cache-ttl"?`},
		{"r0", `unknown option "r0"; did you mean "ro"?`},
		{"netdev", `unknown option "netdev"; did you mean "_netdev"?`},
		{"qqqqqqqq", "unknown option \"qqqqqqqq\"; `swiftfs mount --help` lists the options"},
		{"cache-dir=", "option cache-dir: the value is empty"},
		{"cache-size=much", `option cache-size: "much" is not a size; write bytes or a number with a unit, as 64MiB`},
		{"write_back", "option write-back is not available in this version"},
		{"remount,ro", "a mounted swiftfs cannot be remounted with other options; unmount it and mount it again"},
		{"cache-ttl", "option cache-ttl needs a value: cache-ttl=DURATION"},
		{"cache-ttl=soon", `option cache-ttl: "soon" is not a duration; write 90s, 5m or a number of seconds`},
		{"cache-ttl=-5", "option cache-ttl: -5 is less than 0s"},
		{"memory-limit=lots", `option memory-limit: "lots" is not a size; write bytes or a number with a unit, as 64MiB`},
		{"memory-limit=-1", `option memory-limit: "-1" is not a size; write bytes or a number with a unit, as 64MiB`},
		{"umask=999", `option umask: "999" is not a mode; write it in octal, as 0755`},
		{"uid=no-such-user", `option uid: there is no user "no-such-user" on this machine`},
		{"uid=-1", `option uid: "-1" is not the number of a user`},
		{"requests=0", `option requests: "0" is not a whole number from 1 to 1024`},
		{"auth-version=9", `option auth-version: "9" is not one of 1, 2, 3, auto`},
		{"endpoint-type=secret", `option endpoint-type: "secret" is not one of public, internal, admin`},
		{"log-level=loud", `option log-level: "loud" is not one of debug, info, warn, error`},
		{"metrics-address=host", `option metrics-address: "host" is not an address; write PORT or HOST:PORT`},
		{"credentials=", "option credentials: the value is empty"},
		{"read-only=perhaps", `option read-only: "perhaps" is neither true nor false`},
	} {
		err := (&words{rows: defaultOptions().table()}).Set(c.words)
		if err == nil || err.Error() != c.want {
			t.Errorf("-o %s: %v\nwant %s", c.words, err, c.want)
		}
	}
}

func TestWrongFlagsGetTheSentencesOfWords(t *testing.T) {
	for _, c := range []struct{ flag, want string }{
		{"--alow-other", `unknown option "alow-other"; did you mean "allow-other"?`},
		{"--write-back", "option write-back is not available in this version"},
		{"--cache-ttl=soon", `option cache-ttl: "soon" is not a duration; write 90s, 5m or a number of seconds`},
		{"--cache-ttl", "option cache-ttl needs a value: cache-ttl=DURATION"},
		{"-oalow-other", `unknown option "alow-other"; did you mean "allow-other"?`},
	} {
		status, _, stderr := runProgram(t, nil, "swiftfs", "mount", ":", "/mnt", c.flag)
		if want := "swiftfs: " + c.want + "\n"; status != exitUsage || stderr != want {
			t.Errorf("%s: status %d, %q\nwant %q", c.flag, status, stderr, want)
		}
	}
}

func TestACommaInAValueIsEscaped(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string
	}{
		{`a,b=c`, []string{"a", "b=c"}},
		{`credentials=/a\,b,ro`, []string{"credentials=/a,b", "ro"}},
		{`x=\\,ro`, []string{`x=\`, "ro"}},
		{`x=a\b`, []string{`x=a\b`}},
		{`x=a\`, []string{`x=a\`}},
		{`,,`, nil},
	} {
		if got := splitWords(c.in); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.in, got, c.want)
		}
	}
}

func TestContradictionsBetweenOptionsGetASentence(t *testing.T) {
	for _, c := range []struct{ source, words, want string }{
		{"work:", "credentials=/x", `cloud "work" takes its credentials from clouds.yaml; leave out the cloud or the option credentials`},
		{":", "insecure,ca-cert=/x", "with insecure no certificate is verified, so ca-cert has no effect; choose one of the two"},
		{":", "cache-size=4096", "cache-size 4096 is below the 1MiB that editing one file needs; 0 is no limit"},
	} {
		o := defaultOptions()
		if err := (&words{rows: o.table()}).Set(c.words); err != nil {
			t.Fatal(err)
		}
		_, err := newRequest(c.source, "/mnt", o, nil, nil)
		if err == nil || err.Error() != c.want || classOf(err) != classUsage {
			t.Errorf("%s: %v (class %d)", c.words, err, classOf(err))
		}
	}
	o := defaultOptions()
	o.data.memoryLimit = 1
	if _, err := newRequest(":", "/mnt", o, nil, nil); err == nil || classOf(err) != classUsage {
		t.Errorf("a memory-limit of 1 byte: %v", err)
	}
}

func TestOthersAreCheckedAgainstModesUnlessSomebodySaysOtherwise(t *testing.T) {
	for words, want := range map[string]bool{
		"":                                      false,
		"allow-other":                           true,
		"allow-other,default-permissions=false": false,
		"default-permissions":                   true,
	} {
		o := defaultOptions()
		if err := (&wordsOf{o}).set(words); err != nil {
			t.Fatal(err)
		}
		r, err := newRequest(":", "/mnt", o, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.opts.fsConfig(r.src, nil).DefaultPermissions; got != want {
			t.Errorf("-o %s: default permissions %v, want %v", words, got, want)
		}
	}
}

type wordsOf struct{ o *options }

func (w *wordsOf) set(s string) error { return (&words{rows: w.o.table()}).Set(s) }

func TestOptionsReachBothConfigs(t *testing.T) {
	o := defaultOptions()
	if err := (&wordsOf{o}).set("ro,uid=5,gid=6,umask=027,dir-mode=0700,cache-ttl=7s,segment-size=2MiB,region=R2,endpoint-type=internal,requests=3,timeout=9s,auth-version=1"); err != nil {
		t.Fatal(err)
	}
	src, err := parseSource(":photos/2024")
	if err != nil {
		t.Fatal(err)
	}
	f := o.fsConfig(src, nil)
	if f.Container != "photos" || f.Prefix != "2024/" || f.FSName != ":photos/2024" || !f.ReadOnly || f.UID != 5 || f.GID != 6 ||
		f.Umask != 0o27 || f.DirMode != 0o700 || f.CacheTTL.Seconds() != 7 || f.SegmentSize != 2<<20 {
		t.Errorf("fs config %+v", f)
	}
	b, err := o.backendConfig(src, lookupIn(map[string]string{"OS_AUTH_URL": "https://h:5000/v3", "OS_USERNAME": "u", "OS_PASSWORD": "p", "OS_REGION_NAME": "R1", "OS_CACERT": "/c.pem"}))
	if err != nil {
		t.Fatal(err)
	}
	if b.Region != "R2" || b.EndpointType != "internal" || b.Requests != 3 || b.Timeout.Seconds() != 9 || b.Auth.Version != 1 || b.CACert != "/c.pem" {
		t.Errorf("backend config %+v", b)
	}
}

func TestSourcesAreCloudContainerAndPrefix(t *testing.T) {
	for _, c := range []struct {
		in   string
		want source
	}{
		{":", source{":", "", "", ""}},
		{"work:", source{"work:", "work", "", ""}},
		{":photos", source{":photos", "", "photos", ""}},
		{":photos/", source{":photos/", "", "photos", ""}},
		{":photos/2024", source{":photos/2024", "", "photos", "2024/"}},
		{":photos/2024/rome/", source{":photos/2024/rome/", "", "photos", "2024/rome/"}},
		{"work:a:b/c", source{"work:a:b/c", "work", "a:b", "c/"}},
		{":/photos/x", source{":/photos/x", "", "photos", "x/"}},
	} {
		got, err := parseSource(c.in)
		if err != nil || got != c.want {
			t.Errorf("%q: %+v, %v", c.in, got, err)
		}
	}
	for _, in := range []string{"photos", "", "https://host/auth", "/dev/sda1:", ":a\xff", ":a\x00b"} {
		if got, err := parseSource(in); err == nil {
			t.Errorf("%q is taken for %+v", in, got)
		}
	}
}
