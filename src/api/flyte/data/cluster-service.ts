import type { ServiceImpl } from "@connectrpc/connect";
import type { AuthMetadataService } from "../../../../gen/flyteidl2/auth/auth_service_pb.ts";
import type { ClusterService } from "../../../../gen/flyteidl2/cluster/service_pb.ts";

/** Which server is to be asked for something: this one, which an empty address means, for everything. */
export const clusterService: ServiceImpl<typeof ClusterService> = {
  selectCluster: async () => ({ clusterEndpoint: "", cluster: "" }),
};

/**
 * How callers sign in: with a token of the server's tokens file, in the usual header. Nobody gives out tokens
 * over the network here, so that all addresses are empty.
 */
export const authMetadataService: ServiceImpl<typeof AuthMetadataService> = {
  getOAuth2Metadata: async () => ({ grantTypesSupported: [], scopesSupported: [] }),
  getPublicClientConfig: async () => ({ authorizationMetadataKey: "authorization", scopes: [] }),
};
