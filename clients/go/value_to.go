package signalbox

import (
	"encoding"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/structpb"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// toValue makes a value of a Go value; the place is named in the error of what cannot be one.
func toValue(of any, place string) (*pb.Value, error) {
	switch of := of.(type) {
	case nil:
		return nullValue(), nil
	case Value:
		return of.Message(), nil
	case *pb.Value:
		if of == nil {
			return nullValue(), nil
		}
		return of, nil
	case AsJSON:
		return toJSONValue(of.Of, place)
	case Values:
		return toJSONValue(of.Any(), place)
	case *structpb.Value:
		return &pb.Value{Kind: &pb.Value_JsonValue{JsonValue: of}}, nil
	case Reference:
		reference := &pb.ValueReference{Uri: of.URI, Sha256: of.SHA256, SizeBytes: of.SizeBytes}
		return &pb.Value{Kind: &pb.Value_Reference{Reference: reference}}, nil
	case json.Number:
		return toNumber(of, place)
	case []byte:
		return &pb.Value{Kind: &pb.Value_BytesValue{BytesValue: of}}, nil
	case json.Marshaler, encoding.TextMarshaler:
		if pointer := reflect.ValueOf(of); pointer.Kind() == reflect.Pointer && pointer.IsNil() {
			return nullValue(), nil
		}
		return toJSONValue(of, place)
	}
	return reflectValue(reflect.ValueOf(of), place)
}

// reflectValue makes a value of what only its kind tells, such as a named type.
func reflectValue(of reflect.Value, place string) (*pb.Value, error) {
	switch of.Kind() {
	case reflect.Bool:
		return &pb.Value{Kind: &pb.Value_BoolValue{BoolValue: of.Bool()}}, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return intValue(of.Int()), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if of.Uint() > math.MaxInt64 {
			return nil, fmt.Errorf("signalbox: %s is %d, which does not fit 64 bits with a sign", place, of.Uint())
		}
		return intValue(int64(of.Uint())), nil
	case reflect.Float32, reflect.Float64:
		return &pb.Value{Kind: &pb.Value_FloatValue{FloatValue: of.Float()}}, nil
	case reflect.String:
		if !utf8.ValidString(of.String()) {
			return nil, fmt.Errorf("signalbox: %s is text that is not UTF-8; hand it over as []byte", place)
		}
		return &pb.Value{Kind: &pb.Value_StringValue{StringValue: of.String()}}, nil
	case reflect.Pointer:
		if of.IsNil() {
			return nullValue(), nil
		}
		return toValue(of.Elem().Interface(), place)
	case reflect.Slice:
		if of.Type().Elem().Kind() == reflect.Uint8 {
			return &pb.Value{Kind: &pb.Value_BytesValue{BytesValue: of.Bytes()}}, nil
		}
	}
	return toJSONValue(of.Interface(), place)
}

// toValueOfType makes a value of the very type: a whole number as a float, anything as JSON.
func toValueOfType(of any, valueType ValueType, place string) (*pb.Value, error) {
	if valueType == JSON {
		if value, ok := of.(Value); ok {
			return value.Message(), nil
		}
		return toJSONValue(of, place)
	}
	value, err := toValue(of, place)
	if err != nil {
		return nil, err
	}
	if whole, ok := value.GetKind().(*pb.Value_IntValue); ok && valueType == Float {
		return &pb.Value{Kind: &pb.Value_FloatValue{FloatValue: float64(whole.IntValue)}}, nil
	}
	return value, nil
}

func nullValue() *pb.Value { return &pb.Value{Kind: &pb.Value_NullValue{}} }

func intValue(number int64) *pb.Value { return &pb.Value{Kind: &pb.Value_IntValue{IntValue: number}} }

func toNumber(number json.Number, place string) (*pb.Value, error) {
	if whole, err := number.Int64(); err == nil {
		return intValue(whole), nil
	}
	float, err := number.Float64()
	if err != nil {
		return nil, fmt.Errorf("signalbox: %s is not a number: %q", place, number)
	}
	return &pb.Value{Kind: &pb.Value_FloatValue{FloatValue: float}}, nil
}
