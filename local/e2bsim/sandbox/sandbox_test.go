package sandbox

import (
	"testing"
)

func TestCommandsRunAsAnUnprivilegedUserInAHomeOfTheirOwn(t *testing.T) {
	t.Log(Shortcomings())
	b := startBox(t, "first", nil)
	out, code := b.run("id; pwd; echo $PATH $HOME $USER; ls -la / /home /home/user /dev /tmp /run; cat /etc/passwd /etc/resolv.conf; ps aux; cat /proc/self/oom_score_adj; cat /proc/1/environ; touch /etc/x; touch /usr/x; touch ~/y; ls -la ~; cat /proc/self/mounts; cat /etc/shadow")
	t.Log(out, code)
}
