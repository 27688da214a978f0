package session

import pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"

// takeFrame is the next frame for a stream that is attached; nil if there is nothing to say.
func (o *outbox) takeFrame() *pb.AttachRequest {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, take := range []func() *pb.AttachRequest{
		o.takeStarts, o.takeCall, o.takeReports, o.takeDecline, o.takeCredit,
	} {
		if frame := take(); frame != nil {
			return frame
		}
	}
	return nil
}

func (o *outbox) takeStarts() *pb.AttachRequest {
	var attempts []*pb.AttemptReference
	for len(o.starts) > 0 && len(attempts) < framePartsMax {
		attempt := o.starts[0]
		o.starts = o.starts[1:]
		if attempt.isUnsaid() {
			attempt.startSaid = true
			attempts = append(attempts, attempt.reference)
		}
	}
	if len(attempts) == 0 {
		return nil
	}
	return &pb.AttachRequest{Frame: &pb.AttachRequest_Accept{Accept: &pb.Accept{Attempts: attempts}}}
}

func (o *outbox) takeCall() *pb.AttachRequest { return shift(&o.calls) }

func (o *outbox) takeDecline() *pb.AttachRequest { return shift(&o.declines) }

func (o *outbox) takeReports() *pb.AttachRequest {
	var taken []*pb.AttemptReport
	size, count := 0, 0
	for _, waiting := range o.reports {
		// One that was recorded or lost meanwhile is left out.
		if !waiting.isOver {
			isFull := len(taken) == framePartsMax || size+waiting.size > FrameBytesMax
			if isFull && len(taken) > 0 {
				break
			}
			size += waiting.size
			taken = append(taken, waiting.message)
		}
		count++
	}
	o.reports = o.reports[count:]
	if len(taken) == 0 {
		return nil
	}
	return &pb.AttachRequest{Frame: &pb.AttachRequest_Report{Report: &pb.Report{Reports: taken}}}
}

// takeCredit fills the credit up to the places that are free.
func (o *outbox) takeCredit() *pb.AttachRequest {
	places := min(o.concurrency-o.occupied, inventoryMax-len(o.held))
	amount := places - o.openCredit
	if !o.givesCredit || amount <= 0 {
		return nil
	}
	o.openCredit += amount
	return &pb.AttachRequest{Frame: &pb.AttachRequest_Credit{Credit: &pb.Credit{Amount: int32(amount)}}}
}

func shift(frames *[]*pb.AttachRequest) *pb.AttachRequest {
	if len(*frames) == 0 {
		return nil
	}
	frame := (*frames)[0]
	*frames = (*frames)[1:]
	return frame
}
