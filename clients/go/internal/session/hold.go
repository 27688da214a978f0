package session

import (
	"fmt"
	"slices"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// hold holds what was assigned, and returns what was not held already with its attempt, and what is lost by it.
//
// Epochs grow with each lease on an action: what is assigned under a lower one than is held comes late and is
// declined, and what is held under a lower one is lost.
func (o *outbox) hold(assignments []*pb.Assignment) (taken []Assigned, outdone []*Attempt) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.openCredit = max(0, o.openCredit-len(assignments))
	for _, assignment := range assignments {
		reference := assignment.GetAttempt()
		if reference == nil || o.held[key(reference, o.namespace)] != nil {
			continue
		}
		earlier := o.latest[actionKey(reference, o.namespace)]
		if earlier != nil && earlier.reference.GetEpoch() > reference.GetEpoch() {
			cause := fmt.Sprintf("the action is held under epoch %d", earlier.reference.GetEpoch())
			decline := &pb.Decline{Attempt: reference, Cause: cause}
			o.declines = append(o.declines, &pb.AttachRequest{Frame: &pb.AttachRequest_Decline{Decline: decline}})
			continue
		}
		if earlier != nil && earlier.state != lost {
			outdone = append(outdone, earlier)
			o.loseLocked(earlier)
		}
		attempt := &Attempt{reference: reference}
		o.held[key(reference, o.namespace)] = attempt
		o.latest[actionKey(reference, o.namespace)] = attempt
		o.occupied++
		taken = append(taken, Assigned{attempt, assignment})
	}
	// Of two leases in one frame the lower one never starts.
	taken = slices.DeleteFunc(taken, func(one Assigned) bool {
		if !slices.Contains(outdone, one.Attempt) {
			return false
		}
		o.occupy(one.Attempt, func() { one.Attempt.isSettled = true })
		o.forgetIfOver(one.Attempt)
		return true
	})
	return taken, outdone
}
