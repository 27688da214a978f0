import type { DescMethod, DescService, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type {
  CallOptions,
  ChannelCredentials,
  ChannelOptions,
  Client,
  ClientDuplexStream,
  ClientReadableStream,
  ClientUnaryCall,
  ClientWritableStream,
  Metadata,
  MethodDefinition,
  ServiceError,
} from "@grpc/grpc-js";
import { credentials, makeGenericClientConstructor } from "@grpc/grpc-js";

type In<M extends DescMethod> = MessageInitShape<M["input"]>;
type Out<M extends DescMethod> = MessageShape<M["output"]>;
type Answered<M extends DescMethod> = (error: ServiceError | null, response?: Out<M>) => void;

/**
 * A method's definition with its stream flags as literals, by which nice-grpc knows the shape of its call.
 */
type Definition<M extends DescMethod> = MethodDefinition<In<M>, Out<M>> & {
  readonly requestStream: M["methodKind"] extends "client_streaming" | "bidi_streaming" ? true : false;
  readonly responseStream: M["methodKind"] extends "server_streaming" | "bidi_streaming" ? true : false;
};

/** A service as grpc-js and nice-grpc want it; methods under their camel-case names. */
export type GrpcJsDefinition<S extends DescService> = {
  readonly [Name in keyof S["method"]]: Definition<S["method"][Name]>;
};

interface UnaryCall<M extends DescMethod> {
  (request: In<M>, answered: Answered<M>): ClientUnaryCall;
  (request: In<M>, metadata: Metadata, options: CallOptions, answered: Answered<M>): ClientUnaryCall;
}
interface ServerStreamingCall<M extends DescMethod> {
  (request: In<M>, metadata?: Metadata, options?: CallOptions): ClientReadableStream<Out<M>>;
}
interface ClientStreamingCall<M extends DescMethod> {
  (answered: Answered<M>): ClientWritableStream<In<M>>;
}
interface BidiStreamingCall<M extends DescMethod> {
  (metadata?: Metadata, options?: CallOptions): ClientDuplexStream<In<M>, Out<M>>;
}

/** A grpc-js client of a service, with a call per method. */
export type GrpcJsClient<S extends DescService> = Client & {
  readonly [Name in keyof S["method"]]: {
    unary: UnaryCall<S["method"][Name]>;
    server_streaming: ServerStreamingCall<S["method"][Name]>;
    client_streaming: ClientStreamingCall<S["method"][Name]>;
    bidi_streaming: BidiStreamingCall<S["method"][Name]>;
  }[S["method"][Name]["methodKind"]];
};

/** Describes a protobuf-es service to grpc-js, and to nice-grpc, which takes the same definitions. */
export function grpcJsDefinition<S extends DescService>(service: S): GrpcJsDefinition<S> {
  const entries = service.methods.map((method) => [method.localName, methodDefinition(method)]);
  return Object.fromEntries(entries) as GrpcJsDefinition<S>;
}

function methodDefinition<M extends DescMethod>(method: M): MethodDefinition<In<M>, Out<M>> {
  const { input, output, parent, name, methodKind } = method;
  return {
    path: `/${parent.typeName}/${name}`,
    originalName: method.localName,
    requestStream: methodKind === "client_streaming" || methodKind === "bidi_streaming",
    responseStream: methodKind === "server_streaming" || methodKind === "bidi_streaming",
    requestSerialize: (message) => Buffer.from(toBinary(input, create(input, message))),
    requestDeserialize: (bytes) => fromBinary(input, bytes) as In<M>,
    responseSerialize: (message) => Buffer.from(toBinary(output, message)),
    responseDeserialize: (bytes) => fromBinary(output, bytes) as Out<M>,
  };
}

/** How a client connects: in clear text unless credentials are given. */
export interface GrpcJsClientOptions {
  readonly credentials?: ChannelCredentials;
  readonly channel?: ChannelOptions;
}

/** A grpc-js client of the service at `host:port`; `close` it after use. */
export function grpcJsClient<S extends DescService>(
  service: S,
  address: string,
  options: GrpcJsClientOptions = {},
): GrpcJsClient<S> {
  const ClientOfService = makeGenericClientConstructor(grpcJsDefinition(service), service.typeName);
  const channelCredentials = options.credentials ?? credentials.createInsecure();
  return new ClientOfService(address, channelCredentials, options.channel) as unknown as GrpcJsClient<S>;
}
