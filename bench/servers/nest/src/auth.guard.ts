import { type CanActivate, type ExecutionContext, Injectable } from "@nestjs/common";
import type { Socket } from "socket.io";

/** Lets messages through of clients whose token was good. */
@Injectable()
export class AuthGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return context.switchToWs().getClient<Socket>().data.user !== undefined;
  }
}
